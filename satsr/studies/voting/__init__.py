"""The voting page: a person says which of two super-resolved images is closer to the target.

The votes file that it fills is what the agreement study reads (Zooming Out, human study of the metrics).
"""
