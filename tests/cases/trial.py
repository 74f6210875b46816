# SPDX-License-Identifier: Apache-2.0
"""One case in one mode."""
import contextlib
import re

from ground import Program, Wrong, await_ends

# The fault "refused before anything is frozen" (docs/reference.md).
CANNOT_DUMP = 6
MODES = ("stop", "leave", "lazy", "twice")


def expect(holds, what):
    if not holds:
        raise Wrong(what)


def expect_words(words, text, where):
    for word in words:
        expect(re.search(word, text), f"{where} does not say {word!r}: {text.strip()}")


class Trial:
    def __init__(self, ground, case, mode):
        self.ground = ground
        self.case = case
        self.mode = mode
        self.folder = None
        self.program = None
        self.store = None

    def carry_out(self):
        with contextlib.ExitStack() as stack:
            self.folder = self.ground.new_folder(f"{self.case.name}-{self.mode}")
            self.store = self.folder / "store"
            self.store.mkdir()
            for circumstance in self.case.around:
                stack.enter_context(circumstance(self))
            self.start()
            stack.callback(self.program.end)
            self.program.await_ready()
            for circumstance in self.case.beside:
                stack.enter_context(circumstance(self))
            self.case.comes.expect_of(self)

    def start(self):
        argv = [self.ground.programs / f"case_{self.case.program}", *self.case.arguments]
        work = self.folder / "work"
        work.mkdir()
        self.program = Program([str(word) for word in argv], work, self.case.enter)

    # Steps

    def dump(self, *how):
        return self.ground.run("client", "dump", "-p", self.program.pid, "-d", self.store, *how)

    def checkpoint(self, how):
        """Its path, and what the dump said."""
        said = self.dump(how)
        expect(said.code == 0, f"the dump: {said}")
        expect_words(self.case.told, said.err, "the dump")
        return said.out.strip().splitlines()[-1], said.err

    def leave_off(self):
        """Its checkpoint, when it does not run any more."""
        if self.mode != "leave":
            pids = self.program.pids()
            checkpoint, _ = self.checkpoint("--stop")
            await_ends(pids)
            return checkpoint
        checkpoint, said = self.checkpoint("--leave-running")
        if self.case.cut_short:
            expect(self.program.lives() or "ended while it was dumped" in said, f"it ended of the dump, which said {said!r}")
            self.program.end()
        else:
            self.expect_pass("after the dump that left it running")
        return checkpoint

    def restore(self, checkpoint, *how):
        return self.ground.run("client", "restore", checkpoint, *how, *(["--lazy"] if self.mode == "lazy" else []))

    def bring_back(self, checkpoint):
        said = self.restore(checkpoint)
        expect(said.code == 0, f"the restore: {said}")
        expect(int(said.out) == self.program.pid, f"it came back as {said.out}, and was {self.program.pid}")
        expect_words(self.case.told_at_restore, said.err, "the restore")

    def expect_pass(self, when):
        verdict = self.program.go()
        expect(verdict == "PASS", f"{when}: {verdict}")


class ComesBack:
    """As it was."""

    def expect_of(self, trial):
        for _ in range(2 if trial.mode == "twice" else 1):
            checkpoint = trial.leave_off()
            with contextlib.ExitStack() as stack:
                for circumstance in trial.case.meanwhile:
                    stack.enter_context(circumstance(trial))
                trial.bring_back(checkpoint)
        trial.expect_pass("after the restore")


class DumpRefused:
    """With exit 6, what is the matter and a remedy; --dry-run, which freezes nothing, says the same, and the program runs on."""

    def __init__(self, *words):
        self.words = words

    def expect_of(self, trial):
        how = "--leave-running" if trial.mode == "leave" else "--stop"
        for said in trial.dump(how, "--dry-run"), trial.dump(how):
            expect(said.code == CANNOT_DUMP, f"not refused before the freeze: {said}")
            expect_words(self.words, said.err + said.out, "the refusal")
            expect("hint:" in said.err, f"no remedy: {said}")
        expect(not list(trial.store.iterdir()), "a checkpoint is left")
        trial.expect_pass("after the refusal")


class RestoreRefused:
    """While what it needs is taken: restore, --dry-run and verify say what and by whom. Afterwards it comes back as it was."""

    def __init__(self, *words):
        self.words = words

    def expect_of(self, trial):
        checkpoint = trial.leave_off()
        with contextlib.ExitStack() as stack:
            for circumstance in trial.case.meanwhile:
                stack.enter_context(circumstance(trial))
            for said in (trial.ground.run("client", "verify", checkpoint), trial.restore(checkpoint, "--dry-run"), trial.restore(checkpoint)):
                expect(said.code != 0, f"not refused: {said}")
                expect_words(self.words, said.err + said.out, "the refusal")
                expect("hint:" in said.err + said.out, f"no remedy: {said}")
            expect(not trial.program.lives(), "something of it runs after a restore that was refused")
        trial.bring_back(checkpoint)
        trial.expect_pass("after the restore")
