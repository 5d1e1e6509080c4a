"""How classes people have named are learned: methods, training, validation, accuracy, models."""
