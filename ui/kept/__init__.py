"""What readers and the operator leave: conversations, feedback, counts of days."""
