// list.hpp - lists: values by position, and cutting and joining them.
//
// Indexes below 0 count from the end: -1 is the last element.
//
// Ownership, threads, errors: as dict.hpp says; an index out of range is no error of get but nothing.
#ifndef PROTOBASE_CPP_LIST_HPP
#define PROTOBASE_CPP_LIST_HPP
#include <protobase/cpp/nesting.hpp>

namespace protobase
{

// The elements from..to-1, cut to the list, in either direction.
struct slice {
    std::int64_t from = 0, to = std::numeric_limits<std::int64_t>::max();
    bool reverse = false;
    [[nodiscard]] pbase_slice raw() const
    {
        pbase_slice out{};
        out.struct_size = sizeof out;
        out.reverse = reverse;
        out.from = from;
        out.to = to;
        return out;
    }
};

class list : public detail::kind<list, pbase_list>
{
  public:
    using kind::kind;
    [[nodiscard]] result<std::optional<value>> get(std::int64_t index) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_list_get(raw(), index, arena, out, err);
        });
    }
    [[nodiscard]] result<std::optional<bytes>> get_bytes(std::int64_t index, reader &in) const
    {
        return detail::lent(raw_, in, [&](pbase_reader *to, pbase_bytes *out, pbase_error *err) {
            return pbase_list_get_bytes(raw(), index, to, out, err);
        });
    }
    result<void> append(const value &held)
    {
        return edited(held, [&](pbase_list **self, pbase_error *err) {
            return pbase_list_append(self, &held.raw(), err);
        });
    }
    // Many, all or none: any range of what values are made of.
    template <class Range> result<void> append_all(const Range &values)
    {
        detail::many all(values);
        auto alive = all.usable();
        return alive ? edited([&](pbase_list **self, pbase_error *err) {
            return pbase_list_append_all(self, all.data(), all.size(), err);
        })
                     : alive;
    }
    result<void> append_all(std::initializer_list<value> values)
    {
        return append_all<std::initializer_list<value>>(values);
    }
    // The index equal to the count appends; INVALID beyond.
    result<void> set(std::int64_t index, const value &held)
    {
        return edited(held, [&](pbase_list **self, pbase_error *err) {
            return pbase_list_set(self, index, &held.raw(), err);
        });
    }
    result<void> insert(std::int64_t index, const value &held)
    {
        return edited(held, [&](pbase_list **self, pbase_error *err) {
            return pbase_list_insert(self, index, &held.raw(), err);
        });
    }
    // True when there was one.
    result<bool> remove(std::int64_t index)
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_list_remove(raw_.slot(), index, out, err);
        });
    }
    // How many went.
    result<std::uint64_t> remove_range(std::int64_t from, std::int64_t to)
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_list_remove_range(raw_.slot(), from, to, out, err);
        });
    }

    // Both ends.
    result<void> append_first(const value &held)
    {
        return edited(held, [&](pbase_list **self, pbase_error *err) {
            return pbase_list_append_first(self, &held.raw(), err);
        });
    }
    result<bool> remove_first()
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_list_remove_first(raw_.slot(), out, err);
        });
    }
    result<bool> remove_last()
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_list_remove_last(raw_.slot(), out, err);
        });
    }

    // New lists that share what they have in common with this one, in O(log n).
    [[nodiscard]] result<list> part(
        std::int64_t from, std::int64_t to = std::numeric_limits<std::int64_t>::max()) const
    {
        return beside([&](pbase_list **out, pbase_error *err) {
            return pbase_list_slice(raw(), from, to, out, err);
        });
    }
    // The first `count` elements, and all but the first `from`.
    [[nodiscard]] result<list> head(std::uint64_t count) const
    {
        return beside([&](pbase_list **out, pbase_error *err) {
            return pbase_list_head(raw(), count, out, err);
        });
    }
    [[nodiscard]] result<list> tail(std::uint64_t from) const
    {
        return beside([&](pbase_list **out, pbase_error *err) {
            return pbase_list_tail(raw(), from, out, err);
        });
    }
    // The elements before `index`, and the others.
    [[nodiscard]] result<std::pair<list, list>> split(std::int64_t index) const
    {
        pbase_list *after = nullptr;
        auto before = beside([&](pbase_list **out, pbase_error *err) {
            return pbase_list_split(raw(), index, out, &after, err);
        });
        if (!before) {
            return before.failure();
        }
        return std::pair<list, list>(std::move(before).value(), list(raw_.parent(), after));
    }

    // The elements of `other` behind this one's: in time linear in it, merging with other appends, or
    // in O(log n) as a new whole (core's list.h).
    result<void> extend(const list &other)
    {
        return other.raw() == nullptr ? detail::gone()
                                      : edited([&](pbase_list **self, pbase_error *err) {
                                            return pbase_list_extend(self, other.raw(), err);
                                        });
    }
    result<void> concat(const list &other)
    {
        return other.raw() == nullptr ? detail::gone()
                                      : edited([&](pbase_list **self, pbase_error *err) {
                                            return pbase_list_concat(self, other.raw(), err);
                                        });
    }

    [[nodiscard]] result<protobase::entries> entries(const slice &some = {}) const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&, raw = some.raw()](pbase_cursor **out, pbase_error *err) {
                return pbase_list_cursor(raw_.get(), &raw, out, err);
            });
    }
    // The n-th collection in an element.
    [[nodiscard]] result<collection> child(std::int64_t index, std::uint64_t n = 0) const
    {
        return beside<collection>([&](pbase_collection **out, pbase_error *err) {
            return pbase_list_child(raw(), index, n, out, err);
        });
    }
};

} // namespace protobase
#endif
