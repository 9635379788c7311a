"""Apache Tika: extracts the text of uploaded documents."""
