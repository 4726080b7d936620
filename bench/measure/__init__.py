# SPDX-License-Identifier: MIT OR Apache-2.0
"""What bench/run is made of."""
