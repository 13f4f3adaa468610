"""What scores say: of models, of files, of sets of images; intervals, paired tests, verdicts, tables, figures."""
