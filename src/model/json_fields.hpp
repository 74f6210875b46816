// SPDX-License-Identifier: Apache-2.0
// A struct of the manifest as a table of its fields, from which it is both written and read: each field is named once.
// FieldsOf<Struct>::table() is a tuple of field(), path_field() and the like. What is read is refused with
// Error(Fault::checkpoint), or with what nlohmann throws, unless it is what would have been written.
#pragma once

#include "cedana/base/name_table.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

template <typename Owner>
struct FieldsOf;

template <typename Owner>
[[nodiscard]] Json write_record(const Owner& owner) {
    Json object = Json::object();
    std::apply([&](const auto&... fields) { (fields.write(object, owner), ...); }, FieldsOf<Owner>::table());
    return object;
}

template <typename Owner>
[[nodiscard]] Owner read_record(const Json& object) {
    Owner owner{};
    std::apply([&](const auto&... fields) { (fields.read(object, owner), ...); }, FieldsOf<Owner>::table());
    return owner;
}

// How a value stands in JSON: write() gives it, read() takes it.

// Texts, flags, and lists and maps of them.
struct Plain {
    [[nodiscard]] Json write(const auto& value) const { return value; }
    template <typename Value>
    void read(const Json& json, Value& value) const {
        value = json.get<Value>();
    }
};

// Not negative, and at most what the member can hold.
struct Number {
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] Json write(std::integral auto value) const { return value; }
    template <std::integral Value>
    void read(const Json& json, Value& value) const {
        value = static_cast<Value>(number_of(json, std::min<std::uint64_t>(most, std::numeric_limits<Value>::max())));
    }
};

struct Pid {
    [[nodiscard]] Json write(pid_t pid) const { return pid; }
    void read(const Json& json, pid_t& pid) const { pid = to_pid(number_of(json)); }
};

template <typename Value, std::size_t Count>
struct Named {
    NameTable<Value, Count> names;
    // "kind of file"
    std::string_view what;

    [[nodiscard]] Json write(Value value) const { return names.name_of(value); }
    void read(const Json& json, Value& value) const {
        const auto name = json.get<std::string>();
        const auto found = names.find(name);
        if (!found)
            refuse_manifest(fmt::format("'{}' is no {}", printable(name), what));
        value = *found;
    }
};

// Clang 14 does not find it by itself.
template <typename Value, std::size_t Count>
Named(NameTable<Value, Count>, std::string_view) -> Named<Value, Count>;

// A struct that has a table of its own.
struct Record {
    [[nodiscard]] Json write(const auto& value) const { return write_record(value); }
    template <typename Value>
    void read(const Json& json, Value& value) const {
        value = read_record<Value>(json);
    }
};

template <typename Form>
struct ListOf {
    Form form = {};

    [[nodiscard]] Json write(const auto& values) const {
        Json list = Json::array();
        for (const auto& value : values)
            list.push_back(form.write(value));
        return list;
    }
    template <typename Value>
    void read(const Json& json, std::vector<Value>& values) const {
        for (const Json& one : list_of(json))
            form.read(one, values.emplace_back());
    }
};

// required: refused where it is missing. later: as by default where an older version did not write it.
enum class Presence { required, later };

template <typename Owner, typename Value, typename Form>
struct Field {
    std::string_view key;
    Value Owner::*member;
    Form form;
    Presence presence = Presence::required;
    // Null: it belongs to every one; decided by fields before it.
    bool (*belongs)(const Owner&) = nullptr;

    void write(Json& object, const Owner& owner) const {
        if (belongs == nullptr || belongs(owner))
            object[std::string(key)] = form.write(owner.*member);
    }
    void read(const Json& object, Owner& owner) const {
        if (belongs != nullptr && !belongs(owner))
            return;
        if (presence == Presence::required || object.contains(key))
            form.read(object.at(std::string(key)), owner.*member);
    }
};

// Not written, and as by default, where it is so.
template <typename Owner, typename Value, typename Form>
struct SparseField {
    std::string_view key;
    Value Owner::*member;
    Form form;

    void write(Json& object, const Owner& owner) const {
        if (owner.*member != Value{})
            object[std::string(key)] = form.write(owner.*member);
    }
    void read(const Json& object, Owner& owner) const {
        if (object.contains(key))
            form.read(object.at(std::string(key)), owner.*member);
    }
};

// Written where it has a value.
template <typename Owner, typename Value, typename Form>
struct OptionalField {
    std::string_view key;
    std::optional<Value> Owner::*member;
    Form form;

    void write(Json& object, const Owner& owner) const {
        if (owner.*member)
            object[std::string(key)] = form.write(*(owner.*member));
    }
    void read(const Json& object, Owner& owner) const {
        if (object.contains(key))
            form.read(object.at(std::string(key)), (owner.*member).emplace());
    }
};

// "path", and "path_hex" beside it where it is not UTF-8.
template <typename Owner>
struct PathField {
    std::string Owner::*member;

    void write(Json& object, const Owner& owner) const { put_path(object, owner.*member); }
    void read(const Json& object, Owner& owner) const { owner.*member = path_of(object); }
};

template <typename Owner, typename Value, typename Form>
[[nodiscard]] constexpr auto field(std::string_view key, Value Owner::*member, Form form,
                                   Presence presence = Presence::required) {
    return Field<Owner, Value, Form>{key, member, form, presence};
}
template <typename Owner, typename Value, typename Form>
[[nodiscard]] constexpr auto field_if(bool (*belongs)(const Owner&), std::string_view key, Value Owner::*member,
                                      Form form) {
    return Field<Owner, Value, Form>{key, member, form, Presence::required, belongs};
}
template <typename Owner, typename Value, typename Form>
[[nodiscard]] constexpr auto sparse_field(std::string_view key, Value Owner::*member, Form form) {
    return SparseField<Owner, Value, Form>{key, member, form};
}
template <typename Owner, typename Value, typename Form>
[[nodiscard]] constexpr auto optional_field(std::string_view key, std::optional<Value> Owner::*member, Form form) {
    return OptionalField<Owner, Value, Form>{key, member, form};
}
template <typename Owner>
[[nodiscard]] constexpr auto path_field(std::string Owner::*member) {
    return PathField<Owner>{member};
}

} // namespace cedana
