"""What an answer is worth: metrics, and a model's opinion beside them."""
