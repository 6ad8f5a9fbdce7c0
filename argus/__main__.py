"""`python -m argus`, and with it `torchrun -m -- argus`."""

from argus.cli.main import main

main()
