"""Pictures of results: figures, thumbnails, the report page. No pixels are computed here."""
