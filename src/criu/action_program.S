// SPDX-License-Identifier: Apache-2.0
// The action script's program, as bytes.
    .section .rodata
    .global cedana_action_program
    .global cedana_action_program_end
    .balign 16
cedana_action_program:
    .incbin CEDANA_ACTION_PROGRAM
cedana_action_program_end:
    .section .note.GNU-stack, "", %progbits
