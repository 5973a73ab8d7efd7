"""`vigil classify`: any number of files and folders, in few requests, with a verdict for each."""
