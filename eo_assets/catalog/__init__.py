"""What the project knows: collections, providers, quality flags, radiometry, indices, regions."""
