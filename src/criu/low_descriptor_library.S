// SPDX-License-Identifier: Apache-2.0
// The library that holds a low descriptor in CRIU, as bytes.
    .section .rodata
    .global cedana_low_descriptor
    .global cedana_low_descriptor_end
    .balign 16
cedana_low_descriptor:
    .incbin CEDANA_LOW_DESCRIPTOR
cedana_low_descriptor_end:
    .section .note.GNU-stack, "", %progbits
