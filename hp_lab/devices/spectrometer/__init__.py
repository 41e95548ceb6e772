"""The fibre spectrometer and its light sources."""
