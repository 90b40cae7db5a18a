"""Training of the classifier's parts; `mythwatch train` runs it. Nothing here is needed to classify."""
