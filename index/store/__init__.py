"""Where documents, passages and vectors are kept."""
