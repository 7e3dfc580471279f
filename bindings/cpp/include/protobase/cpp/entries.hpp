// entries.hpp - going through a collection: ranges of keys, entries one after another, and bytes as
// they are stored.
//
//     auto some = dict.entries({protobase::value(3), protobase::value(6)}).value();
//     for (const protobase::entry &one : some) ...                // one.key, one.held
//
// Ownership: entries keep the version they were opened on, and what it came from, alive; they end with
// their transaction. What an entry shows is lent until the loop moves on. Errors end the loop: thrown,
// or in status(). Threads: confined.
#ifndef PROTOBASE_CPP_ENTRIES_HPP
#define PROTOBASE_CPP_ENTRIES_HPP
#include <protobase/cpp/value.hpp>

namespace protobase
{

// A range of keys and a direction: {} is everything, ascending.
struct range {
    std::optional<value> from, to;
    bool from_exclusive = false, to_exclusive = false, reverse = false;
    // The range of one key.
    [[nodiscard]] static range of(const value &key)
    {
        return {key, key};
    }
    [[nodiscard]] pbase_range raw() const
    {
        pbase_range out{};
        out.struct_size = sizeof out;
        out.from_exclusive = from_exclusive;
        out.to_exclusive = to_exclusive;
        out.reverse = reverse;
        out.from = from ? &from->raw() : nullptr;
        out.to = to ? &to->raw() : nullptr;
        return out;
    }
};

// A way into a document: path("address")("lines")(0).
class path
{
  public:
    explicit path(std::string field)
    {
        steps_.push_back({std::move(field), 0, true});
    }
    [[nodiscard]] path operator()(std::string field) const
    {
        return with({std::move(field), 0, true});
    }
    // Item of a list; negative from its end.
    [[nodiscard]] path operator()(std::int64_t index) const
    {
        return with({{}, index, false});
    }

  private:
    friend class entries;
    struct step {
        std::string field;
        std::int64_t index;
        bool is_field;
    };
    [[nodiscard]] path with(step next) const
    {
        path out = *this;
        out.steps_.push_back(std::move(next));
        return out;
    }
    [[nodiscard]] std::vector<pbase_path_step> raw() const
    {
        std::vector<pbase_path_step> out;
        for (const step &one : steps_) {
            pbase_path_step next{};
            if (one.is_field) {
                next.name = detail::raw_text(one.field);
            }
            next.index = one.index;
            out.push_back(next);
        }
        return out;
    }
    std::vector<step> steps_;
};

// One entry of a collection; lent until the iterator moves.
struct entry {
    view key;                // of a list its index
    view held;               // of a set the key again
    std::uint64_t times = 1; // of counted sets and multi-dictionaries: how often it is there
};

class collection;

// The entries of a collection, for a range-based for.
class entries : public detail::stepping
{
  public:
    entries(std::shared_ptr<detail::node> from, pbase_cursor *cursor)
        : cursor_(std::move(from), cursor)
    {
    }
    using iterator = detail::step_iterator<entries, entry>;
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }
    // The next entry to come is the first at or after `key` in the direction of the range.
    result<void> seek(const value &key)
    {
        return detail::checked(cursor_, [&](pbase_error *err) {
            return pbase_cursor_seek(cursor_.get(), &key.raw(), err);
        });
    }

    // Of the entry the loop stands on, lent until it moves on:
    // its value as its codec wrote it,
    [[nodiscard]] result<protobase::bytes> bytes()
    {
        auto raw = detail::asked<pbase_bytes>(cursor_, [&](pbase_bytes *out, pbase_error *err) {
            return pbase_cursor_bytes(cursor_.get(), out, err);
        });
        if (!raw) {
            return raw.failure();
        }
        return protobase::bytes{raw.value().data, raw.value().size};
    }
    // the values at some paths of it, in one pass (nothing where there is none),
    [[nodiscard]] result<std::vector<std::optional<view>>> extract(const std::vector<path> &paths)
    {
        std::vector<std::vector<pbase_path_step>> steps;
        std::vector<pbase_path> raw;
        std::vector<pbase_value> found(paths.size(), pbase_value_null());
        for (const path &one : paths) {
            steps.push_back(one.raw());
            raw.push_back({steps.back().data(), steps.back().size()});
        }
        auto done = detail::checked(cursor_, [&](pbase_error *err) {
            return pbase_cursor_extract(cursor_.get(), raw.data(), raw.size(), found.data(), err);
        });
        if (!done) {
            return done.failure();
        }
        std::vector<std::optional<view>> out;
        for (const pbase_value &one : found) {
            out.push_back(one.kind == PBASE_VALUE_MISSING ? std::nullopt
                                                          : std::optional<view>(view(one)));
        }
        return out;
    }
    // and the n-th collection in its value (nesting.hpp).
    [[nodiscard]] result<collection> child(std::uint64_t n = 0);

  private:
    friend iterator;
    [[nodiscard]] const entry &current() const
    {
        return current_;
    }
    bool advance()
    {
        error cause;
        if (cursor_.get() == nullptr) {
            return stop(detail::gone());
        }
        pbase_status status = pbase_cursor_next(cursor_.get(), cause.raw());
        pbase_value key = pbase_value_null(), held = pbase_value_null();
        if (status == PBASE_OK) {
            status = pbase_cursor_key(cursor_.get(), &key, cause.raw());
        }
        if (status == PBASE_OK) {
            status = pbase_cursor_value(cursor_.get(), &held, cause.raw());
        }
        if (status == PBASE_OK) {
            status = pbase_cursor_count(cursor_.get(), &current_.times, cause.raw());
        }
        current_.key = view(key);
        current_.held = view(held);
        return stepped(status, cause);
    }
    detail::handle<pbase_cursor, pbase_cursor_close> cursor_;
    entry current_;
};

// What holds bytes that a collection lends (get_bytes): each call ends what the one before lent.
class reader
{
  public:
    [[nodiscard]] static result<reader> create()
    {
        pbase_reader *raw = nullptr;
        auto done = detail::checked(
            [&](pbase_error *err) { return pbase_reader_create(nullptr, &raw, err); });
        if (!done) {
            return done.failure();
        }
        return reader(raw);
    }
    void reset()
    {
        if (raw_.get() != nullptr) {
            pbase_reader_reset(raw_.get());
        }
        space_.reset();
    }
    // For calls of the layer, which read from something below `from`: its space stays until then.
    [[nodiscard]] pbase_reader *raw_for(std::shared_ptr<detail::node> from)
    {
        while (from != nullptr && from->parent() != nullptr) {
            from = from->parent();
        }
        if (from != space_ && raw_.get() != nullptr) {
            pbase_reader_reset(raw_.get()); // what it lent lies in the other one
            space_ = std::move(from);
        }
        return raw_.get();
    }

  private:
    explicit reader(pbase_reader *raw) : raw_(nullptr, raw)
    {
    }
    std::shared_ptr<detail::node> space_; // goes after what lies in it
    detail::handle<pbase_reader, pbase_reader_close> raw_;
};

namespace detail
{
// The value, or nothing when the call says NOT_FOUND.
template <class T, void (*End)(T *), class Call>
result<std::optional<value>> found(const handle<T, End> &self, Call &&call)
{
    if (self.get() == nullptr) {
        return gone();
    }
    decoded memory;
    auto got = memory.get(call);
    if (got) {
        return std::optional<value>(std::move(got).value());
    }
    if (got.failure().is_not_found()) {
        return std::optional<value>();
    }
    return got.failure();
}
// The bytes, or nothing likewise: `call` gets a pbase_reader *, a pbase_bytes * and a pbase_error *.
template <class T, void (*End)(T *), class Call>
result<std::optional<bytes>> lent(const handle<T, End> &self, reader &in, Call &&call)
{
    pbase_bytes out{};
    pbase_reader *raw = in.raw_for(self.shared());
    auto done = raw == nullptr
                    ? result<void>(gone())
                    : checked(self, [&](pbase_error *err) { return call(raw, &out, err); });
    if (done) {
        return std::optional<bytes>(bytes{out.data, out.size});
    }
    if (done.failure().is_not_found()) {
        return std::optional<bytes>();
    }
    return done.failure();
}
} // namespace detail
} // namespace protobase
#endif
