// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/passphrase.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <span>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr std::size_t k_longest = 1024;

// No echo; what was set before is set again at the end of the scope.
class Silence {
  public:
    explicit Silence(int terminal) : terminal_(terminal) {
        if (::tcgetattr(terminal_, &before_) != 0)
            return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        // What was typed ahead was typed with an echo.
        is_silent_ = ::tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    ~Silence() {
        if (is_silent_)
            ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    }

  private:
    int terminal_;
    termios before_{};
    bool is_silent_ = false;
};

// Up to the first line feed or the end; a byte at a time, since what follows is somebody else's.
SecretBytes read_line(int fd, const Interrupt& interrupt) {
    SecretBytes line(k_longest + 1);
    std::size_t size = 0;
    while (size < line.size()) {
        const ssize_t count = read_when_ready(fd, std::as_writable_bytes(std::span(line.data() + size, 1)), interrupt);
        if (count < 0)
            throw OsFailure(Fault::usage).error("cannot read a passphrase from the descriptor {}", fd);
        if (count == 0 || line.bytes()[size] == std::byte{'\n'})
            break;
        ++size;
    }
    if (size == 0 || size > k_longest)
        throw Error(Fault::usage, size == 0 ? "the passphrase is empty" : "the passphrase is longer than 1024 bytes");
    line.shorten(size);
    return line;
}

UniqueFd open_terminal() { return UniqueFd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)); }

SecretBytes ask(const UniqueFd& terminal, const std::string& prompt, const Interrupt& interrupt) {
    const Silence silence(terminal.get());
    [[maybe_unused]] const ssize_t written = ::write(terminal.get(), prompt.data(), prompt.size());
    return read_line(terminal.get(), interrupt);
}

SecretBytes ask_twice(const Interrupt& interrupt) {
    const UniqueFd terminal = open_terminal();
    if (!terminal)
        throw Error(Fault::usage, "there is no terminal to ask for the passphrase on")
            .hint("--passphrase-fd N reads it from the descriptor N");
    SecretBytes first = ask(terminal, "passphrase of the checkpoint: ", interrupt);
    const SecretBytes second = ask(terminal, "again: ", interrupt);
    if (!std::ranges::equal(first.bytes(), second.bytes()))
        throw Error(Fault::usage, "the two passphrases differ");
    return first;
}

SecretBytes read_descriptor(int fd, const Interrupt& interrupt) {
    // Nothing that is started from here on gets it.
    if (fd < 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        throw Error(Fault::usage, fmt::format("--passphrase-fd {}: there is no such descriptor", fd))
            .hint("sudo closes all above 2, so take 0: --passphrase-fd 0 </path/of/a/file");
    return read_line(fd, interrupt);
}

} // namespace

std::vector<Option> passphrase_options(PassphraseArguments& arguments, PassphraseFor use) {
    const bool encrypts = use == PassphraseFor::encrypting;
    std::vector<Option> options = {
        {.names = {"--passphrase-fd"},
         .value = "N",
         .meaning = encrypts ? "encrypt it with a passphrase that is read from this descriptor"
                             : "read the passphrase of an encrypted checkpoint from this descriptor",
         .target = &arguments.fd}};
    if (encrypts)
        options.push_back({.names = {"--passphrase"},
                           .meaning = "encrypt it with a passphrase that is asked for",
                           .target = &arguments.ask,
                           .excludes = "--passphrase-fd"});
    return options;
}

std::shared_ptr<const SecretBytes> new_passphrase(const PassphraseArguments& arguments, const Interrupt& interrupt) {
    if (arguments.fd)
        return std::make_shared<const SecretBytes>(read_descriptor(*arguments.fd, interrupt));
    return arguments.ask ? std::make_shared<const SecretBytes>(ask_twice(interrupt)) : nullptr;
}

Keyring keyring_of(const Config& config, const PassphraseArguments& arguments, const Interrupt& interrupt) {
    if (arguments.fd)
        return Keyring(config, read_descriptor(*arguments.fd, interrupt));
    return Keyring(config, PassphraseSource([&interrupt] {
                       const UniqueFd terminal = open_terminal();
                       return terminal ? ask(terminal, "passphrase of the checkpoint: ", interrupt) : SecretBytes();
                   }));
}

} // namespace cedana
