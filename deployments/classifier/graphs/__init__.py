"""The forward pass on a GPU: captured once for each size of batch, replayed ever after."""
