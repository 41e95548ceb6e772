"""ROS nodes: thin, one a file; the only place that knows ROS."""
