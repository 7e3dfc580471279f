// value.hpp - values: `view` looks at one that somebody else keeps, `value` keeps its own.
//
// A value is made of C++ values: value(42), value("text"), value::list({1, "two"}),
// value::map({{"name", "Ada"}, {"born", 1815}}). Reading is by kind: v.get<std::int64_t>() is empty
// when the value is something else; v["name"] is null when there is no such field.
// Equality and order are the library's total order (docs/values.md): 1 == 1.0, NaN == NaN.
//
// A view is valid as long as what it looks at; a value is a copy of its own, cheap to copy (its
// memory is counted and never changed). Threads: immutable, share freely.
#ifndef PROTOBASE_CPP_VALUE_HPP
#define PROTOBASE_CPP_VALUE_HPP
#include <protobase/cpp/result.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace protobase
{

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
} // namespace detail

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
        std::vector<pbase_value> raw;
        raw.reserve(items.size());
        for (const value &item : items) {
            raw.push_back(item.raw());
        }
        return value(pbase_value_list(raw.data(), raw.size()));
    }
    static value map(const std::vector<field> &fields);
    static value vector(const std::vector<float> &items)
    {
        return value(pbase_value_vector(items.data(), items.size()));
    }

  private:
    struct memory { // counted, never changed once the value is made
        memory()
        {
            pbase_arena_init(&arena, pbase_alloc_default());
        }
        ~memory()
        {
            pbase_arena_fini(&arena);
        }
        memory(const memory &) = delete;
        memory &operator=(const memory &) = delete;
        pbase_arena arena;
    };
    void keep(const pbase_value &raw)
    {
        error cause;
        auto kept = std::make_shared<memory>();
        if (pbase_value_copy(&raw, &kept->arena, &raw_, cause.raw()) != PBASE_OK) {
            raise(cause); // no memory, or deeper than values may be
        }
        memory_ = std::move(kept);
    }
    std::shared_ptr<memory> memory_;
};

struct value::field {
    std::string name;
    value held;
};

inline value value::map(const std::vector<field> &fields)
{
    std::vector<pbase_field> raw;
    raw.reserve(fields.size());
    for (const field &one : fields) {
        raw.push_back({detail::raw_text(one.name), one.held.raw()});
    }
    return value(pbase_value_map(raw.data(), raw.size()));
}

namespace detail
{
// Memory for what the library decodes, and then the value that keeps it.
class decoded
{
  public:
    decoded()
    {
        pbase_arena_init(&arena, pbase_alloc_default());
    }
    ~decoded()
    {
        pbase_arena_fini(&arena);
    }
    decoded(const decoded &) = delete;
    decoded &operator=(const decoded &) = delete;
    // `call` gets the arena, a pbase_value * and a pbase_error *.
    template <class Call> result<value> get(Call &&call)
    {
        error cause;
        pbase_status status = call(&arena, &raw, cause.raw());
        if (status == PBASE_OK) {
            return value(raw);
        }
        cause.adopt(status);
        return cause;
    }

  private:
    pbase_arena arena;
    pbase_value raw = pbase_value_null();
};
} // namespace detail
} // namespace protobase
#endif
