"""Self-driving laboratory for low-dimensional hybrid perovskites on ROS 2."""

__version__ = "0.1.0"
