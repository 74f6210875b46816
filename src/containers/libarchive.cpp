// SPDX-License-Identifier: Apache-2.0
// libarchive, loaded by who first calls it. It brings nine libraries with it (ICU among them, by libxml2), which every
// start of cedana and of each of its roles would have to load: a quarter of what a start takes, and only containers
// need it. These are the functions of its own headers, by their names; what is missing here does not link.
#include "cedana/base/error.hpp"

#include <spdlog/fmt/fmt.h>

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>

namespace cedana::containers {

namespace {

// Of all releases of version 3, whose interface is the same.
constexpr const char* k_library = "libarchive.so.13";

void* load_libarchive() {
    void* const library = ::dlopen(k_library, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        throw Error(Fault::environment,
                    fmt::format("libarchive, which containers need, cannot be loaded: {}", ::dlerror()))
            .hint("install it: apt-get install libarchive13");
    return library;
}

template <typename Function>
Function* of_libarchive(const char* name) {
    static void* const library = load_libarchive();
    void* const found = ::dlsym(library, name);
    if (found == nullptr)
        throw Error(Fault::environment, fmt::format("{} has no {}", k_library, name));
    return reinterpret_cast<Function*>(found);
}

} // namespace

} // namespace cedana::containers

using cedana::containers::of_libarchive;

extern "C" {

void archive_entry_copy_stat(archive_entry* a, const struct ::stat* b) {
    static auto* const function = of_libarchive<decltype(archive_entry_copy_stat)>("archive_entry_copy_stat");
    function(a, b);
}

void archive_entry_free(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_free)>("archive_entry_free");
    function(a);
}

const char* archive_entry_hardlink(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_hardlink)>("archive_entry_hardlink");
    return function(a);
}

__LA_MODE_T archive_entry_mode(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_mode)>("archive_entry_mode");
    return function(a);
}

archive_entry* archive_entry_new() {
    static auto* const function = of_libarchive<decltype(archive_entry_new)>("archive_entry_new");
    return function();
}

const char* archive_entry_pathname(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_pathname)>("archive_entry_pathname");
    return function(a);
}

void archive_entry_set_hardlink(archive_entry* a, const char* b) {
    static auto* const function = of_libarchive<decltype(archive_entry_set_hardlink)>("archive_entry_set_hardlink");
    function(a, b);
}

void archive_entry_set_mode(archive_entry* a, __LA_MODE_T b) {
    static auto* const function = of_libarchive<decltype(archive_entry_set_mode)>("archive_entry_set_mode");
    function(a, b);
}

void archive_entry_set_pathname(archive_entry* a, const char* b) {
    static auto* const function = of_libarchive<decltype(archive_entry_set_pathname)>("archive_entry_set_pathname");
    function(a, b);
}

void archive_entry_set_size(archive_entry* a, la_int64_t b) {
    static auto* const function = of_libarchive<decltype(archive_entry_set_size)>("archive_entry_set_size");
    function(a, b);
}

void archive_entry_set_symlink(archive_entry* a, const char* b) {
    static auto* const function = of_libarchive<decltype(archive_entry_set_symlink)>("archive_entry_set_symlink");
    function(a, b);
}

la_int64_t archive_entry_size(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_size)>("archive_entry_size");
    return function(a);
}

const struct ::stat* archive_entry_stat(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_stat)>("archive_entry_stat");
    return function(a);
}

const char* archive_entry_symlink(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_symlink)>("archive_entry_symlink");
    return function(a);
}

void archive_entry_unset_size(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_unset_size)>("archive_entry_unset_size");
    function(a);
}

void archive_entry_xattr_add_entry(archive_entry* a, const char* b, const void* c, size_t d) {
    static auto* const function =
        of_libarchive<decltype(archive_entry_xattr_add_entry)>("archive_entry_xattr_add_entry");
    function(a, b, c, d);
}

int archive_entry_xattr_next(archive_entry* a, const char** b, const void** c, size_t* d) {
    static auto* const function = of_libarchive<decltype(archive_entry_xattr_next)>("archive_entry_xattr_next");
    return function(a, b, c, d);
}

int archive_entry_xattr_reset(archive_entry* a) {
    static auto* const function = of_libarchive<decltype(archive_entry_xattr_reset)>("archive_entry_xattr_reset");
    return function(a);
}

const char* archive_error_string(archive* a) {
    static auto* const function = of_libarchive<decltype(archive_error_string)>("archive_error_string");
    return function(a);
}

la_ssize_t archive_read_data(archive* a, void* b, size_t c) {
    static auto* const function = of_libarchive<decltype(archive_read_data)>("archive_read_data");
    return function(a, b, c);
}

int archive_read_data_block(archive* a, const void** b, size_t* c, la_int64_t* d) {
    static auto* const function = of_libarchive<decltype(archive_read_data_block)>("archive_read_data_block");
    return function(a, b, c, d);
}

int archive_read_free(archive* a) {
    static auto* const function = of_libarchive<decltype(archive_read_free)>("archive_read_free");
    return function(a);
}

archive* archive_read_new() {
    static auto* const function = of_libarchive<decltype(archive_read_new)>("archive_read_new");
    return function();
}

int archive_read_next_header(archive* a, archive_entry** b) {
    static auto* const function = of_libarchive<decltype(archive_read_next_header)>("archive_read_next_header");
    return function(a, b);
}

int archive_read_open(archive* a, void* b, archive_open_callback* c, archive_read_callback* d,
                      archive_close_callback* e) {
    static auto* const function = of_libarchive<decltype(archive_read_open)>("archive_read_open");
    return function(a, b, c, d, e);
}

int archive_read_open_filename(archive* a, const char* b, size_t c) {
    static auto* const function = of_libarchive<decltype(archive_read_open_filename)>("archive_read_open_filename");
    return function(a, b, c);
}

int archive_read_support_filter_gzip(archive* a) {
    static auto* const function =
        of_libarchive<decltype(archive_read_support_filter_gzip)>("archive_read_support_filter_gzip");
    return function(a);
}

int archive_read_support_filter_zstd(archive* a) {
    static auto* const function =
        of_libarchive<decltype(archive_read_support_filter_zstd)>("archive_read_support_filter_zstd");
    return function(a);
}

int archive_read_support_format_tar(archive* a) {
    static auto* const function =
        of_libarchive<decltype(archive_read_support_format_tar)>("archive_read_support_format_tar");
    return function(a);
}

int archive_write_close(archive* a) {
    static auto* const function = of_libarchive<decltype(archive_write_close)>("archive_write_close");
    return function(a);
}

la_ssize_t archive_write_data(archive* a, const void* b, size_t c) {
    static auto* const function = of_libarchive<decltype(archive_write_data)>("archive_write_data");
    return function(a, b, c);
}

int archive_write_free(archive* a) {
    static auto* const function = of_libarchive<decltype(archive_write_free)>("archive_write_free");
    return function(a);
}

int archive_write_header(archive* a, archive_entry* b) {
    static auto* const function = of_libarchive<decltype(archive_write_header)>("archive_write_header");
    return function(a, b);
}

archive* archive_write_new() {
    static auto* const function = of_libarchive<decltype(archive_write_new)>("archive_write_new");
    return function();
}

int archive_write_open(archive* a, void* b, archive_open_callback* c, archive_write_callback* d,
                       archive_close_callback* e) {
    static auto* const function = of_libarchive<decltype(archive_write_open)>("archive_write_open");
    return function(a, b, c, d, e);
}

int archive_write_open_filename(archive* a, const char* b) {
    static auto* const function = of_libarchive<decltype(archive_write_open_filename)>("archive_write_open_filename");
    return function(a, b);
}

int archive_write_set_bytes_in_last_block(archive* a, int b) {
    static auto* const function =
        of_libarchive<decltype(archive_write_set_bytes_in_last_block)>("archive_write_set_bytes_in_last_block");
    return function(a, b);
}

int archive_write_set_format_option(archive* a, const char* b, const char* c, const char* d) {
    static auto* const function =
        of_libarchive<decltype(archive_write_set_format_option)>("archive_write_set_format_option");
    return function(a, b, c, d);
}

int archive_write_set_format_pax(archive* a) {
    static auto* const function = of_libarchive<decltype(archive_write_set_format_pax)>("archive_write_set_format_pax");
    return function(a);
}

int archive_write_set_format_pax_restricted(archive* a) {
    static auto* const function =
        of_libarchive<decltype(archive_write_set_format_pax_restricted)>("archive_write_set_format_pax_restricted");
    return function(a);
}
}
