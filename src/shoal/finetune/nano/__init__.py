"""nano, the small decoder that ships with the package: generated text, tokenizer, training, measures."""
