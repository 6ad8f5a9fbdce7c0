"""The stages of training: towers, detector, finish and tracker; and fine-tuning."""
