"""What thinks about one ticket: no clock, no network, no files but the administrator's."""
