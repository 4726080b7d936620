// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nothing: this package is there for the crates that it depends on.
