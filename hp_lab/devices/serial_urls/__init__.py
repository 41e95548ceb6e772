"""URL schemes that hp_lab adds to pyserial (see serial.serial_for_url)."""
