"""How classes come to be: sampling, methods, models, and how good they are. No files here."""
