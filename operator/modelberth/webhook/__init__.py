"""The validating admission webhook: what the operator would refuse, refused at kubectl apply."""
