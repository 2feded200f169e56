"""Data sets: from seeds, documents and teachers to typed rows with a source, a licence and a card."""
