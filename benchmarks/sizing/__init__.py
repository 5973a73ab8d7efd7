"""From a load to the machines that it takes, by measured figures."""
