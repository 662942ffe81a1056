"""Questions that documents may answer: to begin with in the chat, to go on with, and as drafts of cases."""
