"""Does a metric's order of systems say which of them is of more use? Systems, their scores, their use, and the taus."""
