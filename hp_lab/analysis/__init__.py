"""Spectral interpretation: from raw readings to observations with uncertainties."""
