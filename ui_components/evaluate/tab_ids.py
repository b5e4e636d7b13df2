"""The ids of the Evaluate tab and of its inner tabs."""

EVALUATE_TAB = "evaluate"
NEW, RESULTS, BLIND, SERVING = "new-evaluation", "results", "blind-test", "serving"
