"""The forward process and what a network can predict: noise levels, schedules, parameterizations, predictors."""
