"""Where theory and experiment meet: each claim predicts, measures and compares, and a report says how it went."""
