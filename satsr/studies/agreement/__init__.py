"""The agreement study: how often a metric prefers the same of two outputs as people do (Wolters et al., 2023, Fig. 3).

Two outputs of one place make a pair. Which one is closer to the target is said by people (`votes`), or known because
one of them is a stronger degradation of the target than the other (`degradations`). A metric agrees where it scores
the closer output better (`preference`). Labels that do not come from people are named as such wherever they appear.
"""
