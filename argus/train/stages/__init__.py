"""The stages of training: towers first, then the detector."""
