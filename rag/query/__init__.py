"""What is asked: a follow-up made to stand alone, its terms, names, dates, and the kind of answer it wants."""
