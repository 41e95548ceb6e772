"""The transfer gantry and its gripper."""
