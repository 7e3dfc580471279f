// value.hpp - values: `view` looks at one that somebody else keeps, `value` keeps its own.
//
// A value is made of C++ values: value(42), value("text"), value::list({1, "two"}),
// value::map({{"name", "Ada"}, {"born", 1815}}). Reading is by kind: v.get<std::int64_t>() is empty
// when the value is something else; v["name"] is null when there is no such field.
// Equality and order are the library's total order (docs/values.md): 1 == 1.0, NaN == NaN.
//
// A view is valid as long as what it looks at; a value is a copy of its own, cheap to copy (its
// memory is counted and never changed). A value may hold collections, to be stored inside a document
// or another collection: it keeps the version each had when the value was made (nesting.hpp), and
// can be put as long as their transaction or snapshot lives (INVALID afterwards).
// Making a value fails for lack of memory and past PBASE_DEPTH_MAX only: that throws.
// Threads: immutable, share freely; one that holds collections is confined like their handles.
#ifndef PROTOBASE_CPP_VALUE_HPP
#define PROTOBASE_CPP_VALUE_HPP
#include <protobase/cpp/handle.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace protobase
{

// Nanoseconds since 1970 UTC.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// Bytes that somebody else keeps.
struct bytes {
    const void *data = nullptr;
    std::size_t size = 0;
};

namespace detail
{
inline pbase_bytes raw_text(std::string_view text)
{
    return pbase_bytes_of(text.data(), text.size());
}
inline std::string_view text_of(pbase_bytes text)
{
    return {reinterpret_cast<const char *>(text.data), text.size};
}
// What the library writes as text: `call` gets a pbase_buffer * and a pbase_error *.
template <class Call> result<std::string> formatted(Call &&call)
{
    struct buffer {
        pbase_buffer raw;
        buffer()
        {
            pbase_buffer_init(&raw, pbase_alloc_default());
        }
        ~buffer()
        {
            pbase_buffer_fini(&raw);
        }
        buffer(const buffer &) = delete;
        buffer &operator=(const buffer &) = delete;
    } out;
    auto done = checked([&](pbase_error *err) { return call(&out.raw, err); });
    if (!done) {
        return done.failure();
    }
    return std::string(text_of(pbase_buffer_view(&out.raw)));
}
} // namespace detail

// RFC 3339 in UTC, and back from any offset (INVALID names the place).
inline std::string to_string(timestamp time)
{
    char text[PBASE_TIME_TEXT_BYTES];
    pbase_time_format(time.time_since_epoch().count(), text);
    return text;
}
inline result<timestamp> parse_time(std::string_view text)
{
    std::int64_t ns = 0;
    auto done = detail::checked(
        [&](pbase_error *err) { return pbase_time_parse(detail::raw_text(text), &ns, err); });
    if (!done) {
        return done.failure();
    }
    return timestamp(std::chrono::nanoseconds(ns));
}

class view
{
  public:
    view() : raw_(pbase_value_null())
    {
    }
    explicit view(const pbase_value &raw) : raw_(raw)
    {
    }

    [[nodiscard]] std::uint8_t kind() const
    {
        return raw_.kind;
    } // PBASE_NULL ...
    [[nodiscard]] std::string_view type() const
    {
        return pbase_value_type_name(&raw_);
    }
    [[nodiscard]] bool is_null() const
    {
        return raw_.kind == PBASE_NULL;
    }
    [[nodiscard]] const pbase_value &raw() const
    {
        return raw_;
    }

    // The value as a T: bool, any integer it fits into, double (of ints too, when exact), string_view,
    // string, bytes, timestamp, pbase_object_id. Empty when it is of another kind.
    template <class T> [[nodiscard]] std::optional<T> get() const;
    template <class T> [[nodiscard]] T get_or(T other) const
    {
        return get<T>().value_or(std::move(other));
    }

    // Elements of a list or vector, fields of a map; 0 of anything else.
    [[nodiscard]] std::size_t size() const
    {
        return raw_.kind == PBASE_LIST     ? raw_.as.list.count
               : raw_.kind == PBASE_MAP    ? raw_.as.map.count
               : raw_.kind == PBASE_VECTOR ? raw_.as.vector.count
                                           : 0;
    }
    // Of a collection inside what was read: which child of its entry it is (dict::child and others).
    [[nodiscard]] std::optional<std::uint64_t> child() const
    {
        return raw_.kind == PBASE_CHILD ? std::optional<std::uint64_t>(raw_.as.child)
                                        : std::nullopt;
    }
    // Element of a list; null past its end.
    template <class Index, std::enable_if_t<std::is_integral_v<Index>, int> = 0>
    [[nodiscard]] view operator[](Index index) const
    {
        auto at = static_cast<std::size_t>(index);
        return raw_.kind == PBASE_LIST && at < raw_.as.list.count ? view(raw_.as.list.items[at])
                                                                  : view();
    }
    // Field of a map; null when it is missing: has() tells.
    [[nodiscard]] view operator[](std::string_view name) const
    {
        const pbase_value *field = pbase_value_field(&raw_, detail::raw_text(name));
        return field == nullptr ? view() : view(*field);
    }
    [[nodiscard]] view operator[](const char *name) const
    {
        return (*this)[std::string_view(name)];
    }
    [[nodiscard]] bool has(std::string_view name) const
    {
        return pbase_value_field(&raw_, detail::raw_text(name)) != nullptr;
    }
    // Name of a map's field.
    [[nodiscard]] std::string_view field_name(std::size_t index) const
    {
        return detail::text_of(raw_.as.map.fields[index].name);
    }
    [[nodiscard]] view field_value(std::size_t index) const
    {
        return view(raw_.as.map.fields[index].value);
    }
    [[nodiscard]] const float *floats() const
    {
        return raw_.as.vector.items;
    } // of a vector

    // Equal values have equal hashes (1 and 1.0), the same on every machine.
    [[nodiscard]] std::uint64_t hash() const
    {
        return pbase_value_hash(&raw_);
    }
    // The same kinds, bits and order of fields: 1 and 1.0 are not.
    [[nodiscard]] bool is_identical(const view &other) const
    {
        return pbase_value_identical(&raw_, &other.raw_);
    }
    // What may not be stored, told before it is tried: text that is not UTF-8, fields given twice, ...
    [[nodiscard]] result<void> check() const
    {
        return detail::checked([&](pbase_error *err) { return pbase_value_check(&raw_, err); });
    }

    friend bool operator==(const view &a, const view &b)
    {
        return compare(a, b) == 0;
    }
    friend bool operator!=(const view &a, const view &b)
    {
        return compare(a, b) != 0;
    }
    friend bool operator<(const view &a, const view &b)
    {
        return compare(a, b) < 0;
    }
    static int compare(const view &a, const view &b)
    {
        return pbase_value_compare(&a.raw_, &b.raw_);
    }

  protected:
    pbase_value raw_;
};

template <class T> std::optional<T> view::get() const
{
    if constexpr (std::is_same_v<T, bool>) {
        return raw_.kind == PBASE_BOOL ? std::optional<T>(raw_.as.boolean) : std::nullopt;
    } else if constexpr (std::is_integral_v<T>) {
        if (raw_.kind != PBASE_INT) {
            return std::nullopt;
        }
        std::int64_t n = raw_.as.integer;
        bool fits = std::is_unsigned_v<T>
                        ? n >= 0 && static_cast<std::uint64_t>(n) <= std::numeric_limits<T>::max()
                        : n >= static_cast<std::int64_t>(std::numeric_limits<T>::min()) &&
                              n <= static_cast<std::int64_t>(std::numeric_limits<T>::max());
        return fits ? std::optional<T>(static_cast<T>(n)) : std::nullopt;
    } else if constexpr (std::is_floating_point_v<T>) {
        if (raw_.kind == PBASE_FLOAT) {
            return static_cast<T>(raw_.as.real);
        }
        constexpr std::int64_t exact = std::int64_t{1} << 53;
        return raw_.kind == PBASE_INT && raw_.as.integer >= -exact && raw_.as.integer <= exact
                   ? std::optional<T>(static_cast<T>(raw_.as.integer))
                   : std::nullopt;
    } else if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>) {
        return raw_.kind == PBASE_STRING ? std::optional<T>(T(detail::text_of(raw_.as.string)))
                                         : std::nullopt;
    } else if constexpr (std::is_same_v<T, bytes>) {
        return raw_.kind == PBASE_BYTES
                   ? std::optional<T>(bytes{raw_.as.string.data, raw_.as.string.size})
                   : std::nullopt;
    } else if constexpr (std::is_same_v<T, timestamp>) {
        return raw_.kind == PBASE_TIMESTAMP
                   ? std::optional<T>(timestamp(std::chrono::nanoseconds(raw_.as.time_ns)))
                   : std::nullopt;
    } else {
        static_assert(std::is_same_v<T, pbase_object_id>, "not a type that values can be read as");
        return raw_.kind == PBASE_REFERENCE ? std::optional<T>(raw_.as.reference) : std::nullopt;
    }
}

class value : public view
{
  public:
    struct field;

    value() = default;
    value(std::nullptr_t)
    {
    }
    value(bool boolean) : view(pbase_value_bool(boolean))
    {
    }
    template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
    value(T integer) : view(pbase_value_int(static_cast<std::int64_t>(integer)))
    {
        static_assert(sizeof(T) < 8 || std::is_signed_v<T>, "integers are int64");
    }
    value(double real) : view(pbase_value_float(real))
    {
    }
    value(timestamp time) : view(pbase_value_timestamp(time.time_since_epoch().count()))
    {
    }
    value(pbase_object_id reference) : view(pbase_value_reference(reference))
    {
    }
    // Text is UTF-8: checked where it is stored.
    value(const char *text) : value(std::string_view(text))
    {
    }
    value(const std::string &text) : value(std::string_view(text))
    {
    }
    value(std::string_view text)
    {
        keep(pbase_value_string(detail::raw_text(text)));
    }
    value(bytes data)
    {
        keep(pbase_value_bytes(pbase_bytes_of(data.data, data.size)));
    }
    // A copy of what a view looks at.
    explicit value(const view &other)
    {
        keep(other.raw());
    }
    explicit value(const pbase_value &raw)
    {
        keep(raw);
    }

    static value list(const std::vector<value> &items)
    {
        auto whole = std::make_shared<memory>(1);
        auto *raw = whole->array<pbase_value>(items.size());
        for (std::size_t i = 0; i < items.size(); i++) {
            raw[i] = whole->part(items[i]);
        }
        return value(std::move(whole), pbase_value_list(raw, items.size()));
    }
    static value map(const std::vector<field> &fields);
    static value vector(const std::vector<float> &items)
    {
        return value(pbase_value_vector(items.data(), items.size()));
    }
    // A collection, kept by a node: what the collections themselves convert to.
    value(std::shared_ptr<detail::node> keeper, const pbase_collection *collection)
        : view(pbase_value_handle(collection))
    {
        auto whole = std::make_shared<memory>(0);
        whole->collection = std::move(keeper);
        whole->nests = true;
        memory_ = std::move(whole);
    }

    // Nothing, or why it cannot be put: a collection in it has ended with its transaction.
    [[nodiscard]] result<void> usable() const
    {
        return memory_ == nullptr || memory_->is_alive() ? result<void>() : detail::gone();
    }

  private:
    // Counted, never changed once the value is made. Parts stay where they were made.
    struct memory {
        explicit memory(unsigned containers) : depth(containers)
        {
            pbase_arena_init(&arena, pbase_alloc_default());
        }
        ~memory()
        {
            pbase_arena_fini(&arena);
        }
        memory(const memory &) = delete;
        memory &operator=(const memory &) = delete;
        template <class T> T *array(std::size_t count)
        {
            void *room = pbase_arena_array(&arena, count, sizeof(T));
            if (room == nullptr) {
                raise(error(PBASE_NO_MEMORY, "no memory for a value"));
            }
            return static_cast<T *>(room);
        }
        // Takes a share of what an element or field points to.
        const pbase_value &part(const value &from)
        {
            if (from.memory_ != nullptr) {
                parts.push_back(from.memory_);
                depth = std::max(depth, from.memory_->depth + 1);
                nests = nests || from.memory_->nests;
            }
            if (depth > PBASE_DEPTH_MAX) {
                raise(error(PBASE_LIMIT, "the value nests deeper than PBASE_DEPTH_MAX levels"));
            }
            return from.raw_;
        }
        [[nodiscard]] bool is_alive() const
        {
            if (!nests) {
                return true;
            }
            bool alive = collection == nullptr || collection->is_alive();
            for (const auto &one : parts) {
                alive = alive && one->is_alive();
            }
            return alive;
        }
        pbase_arena arena;
        std::vector<std::shared_ptr<const memory>> parts;
        std::shared_ptr<detail::node> collection;
        unsigned depth;     // lists and maps in one another
        bool nests = false; // a collection, somewhere
    };
    value(std::shared_ptr<memory> whole, const pbase_value &raw)
        : view(raw), memory_(std::move(whole))
    {
    }
    void keep(const pbase_value &raw)
    {
        error cause;
        auto kept = std::make_shared<memory>(depth_of(raw));
        if (pbase_value_copy(&raw, &kept->arena, &raw_, cause.raw()) != PBASE_OK) {
            raise(cause); // no memory, or deeper than values may be
        }
        memory_ = std::move(kept);
    }
    static unsigned depth_of(const pbase_value &raw)
    {
        unsigned below = 0;
        for (std::size_t i = 0; raw.kind == PBASE_LIST && i < raw.as.list.count; i++) {
            below = std::max(below, depth_of(raw.as.list.items[i]));
        }
        for (std::size_t i = 0; raw.kind == PBASE_MAP && i < raw.as.map.count; i++) {
            below = std::max(below, depth_of(raw.as.map.fields[i].value));
        }
        return raw.kind == PBASE_LIST || raw.kind == PBASE_MAP ? below + 1 : 0;
    }
    std::shared_ptr<const memory> memory_;
};

struct value::field {
    std::string name;
    value held;
};

inline value value::map(const std::vector<field> &fields)
{
    auto whole = std::make_shared<memory>(1);
    auto *raw = whole->array<pbase_field>(fields.size());
    for (std::size_t i = 0; i < fields.size(); i++) {
        auto *name = whole->array<char>(fields[i].name.size());
        std::copy(fields[i].name.begin(), fields[i].name.end(), name);
        raw[i] = {pbase_bytes_of(name, fields[i].name.size()), whole->part(fields[i].held)};
    }
    return value(std::move(whole), pbase_value_map(raw, fields.size()));
}

namespace detail
{
// Memory for what the library decodes.
class arena
{
  public:
    arena()
    {
        pbase_arena_init(&raw_, pbase_alloc_default());
    }
    ~arena()
    {
        pbase_arena_fini(&raw_);
    }
    arena(const arena &) = delete;
    arena &operator=(const arena &) = delete;
    [[nodiscard]] pbase_arena *raw()
    {
        return &raw_;
    }

  private:
    pbase_arena raw_;
};

// The same, and the value that keeps it.
class decoded
{
  public:
    // `call` gets the arena, a pbase_value * and a pbase_error *.
    template <class Call> result<value> get(Call &&call)
    {
        error cause;
        pbase_value raw = pbase_value_null();
        pbase_status status = call(memory_.raw(), &raw, cause.raw());
        if (status == PBASE_OK) {
            return value(raw);
        }
        cause.adopt(status);
        return cause;
    }

  private:
    arena memory_;
};
} // namespace detail
} // namespace protobase
#endif
