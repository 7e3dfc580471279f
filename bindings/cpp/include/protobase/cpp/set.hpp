// set.hpp - sets and counted sets, and their algebra.
//
// Ownership, threads, errors: as dict.hpp says. What the algebra gives belongs to the transaction or
// snapshot of the first operand.
#ifndef PROTOBASE_CPP_SET_HPP
#define PROTOBASE_CPP_SET_HPP
#include <protobase/cpp/nesting.hpp>

namespace protobase
{
namespace detail
{
// What sets of both kinds make of two.
template <class Self, class Raw> class algebra : public kind<Self, Raw>
{
  public:
    using kind<Self, Raw>::kind;

  protected:
    using combine = pbase_status (*)(const Raw *, const Raw *, Raw **, pbase_error *);
    using compare = pbase_status (*)(const Raw *, const Raw *, bool *, pbase_error *);
    [[nodiscard]] result<Self> combined(const Self &other, combine with) const
    {
        return other.raw() == nullptr ? result<Self>(gone())
                                      : this->beside([&](Raw **out, pbase_error *err) {
                                            return with(this->raw(), other.raw(), out, err);
                                        });
    }
    [[nodiscard]] result<bool> compared(const Self &other, compare with) const
    {
        return other.raw() == nullptr ? result<bool>(gone())
                                      : asked<bool>(this->raw_, [&](bool *out, pbase_error *err) {
                                            return with(this->raw(), other.raw(), out, err);
                                        });
    }
};
} // namespace detail

class set : public detail::algebra<set, pbase_set>
{
  public:
    using algebra::algebra;
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_has(raw(), &key.raw(), out, err);
        });
    }
    result<void> add(const value &key)
    {
        return edited([&](pbase_set **self, pbase_error *err) {
            return pbase_set_add(self, &key.raw(), nullptr, err);
        });
    }
    // The same, and true when it was not there before: asking reads it, as far as conflicts are
    // concerned, where adds alone merge.
    result<bool> insert(const value &key)
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_add(raw_.slot(), &key.raw(), out, err);
        });
    }
    // Many, all or none: any range of what values are made of.
    template <class Range> result<void> add_all(const Range &keys)
    {
        detail::many all(keys);
        return edited([&](pbase_set **self, pbase_error *err) {
            return pbase_set_add_all(self, all.data(), all.size(), err);
        });
    }
    result<void> add_all(std::initializer_list<value> keys)
    {
        return add_all<std::initializer_list<value>>(keys);
    }
    result<bool> remove(const value &key)
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count_range(const range &keys) const
    {
        return detail::asked<std::uint64_t>(
            raw_, [&, raw = keys.raw()](std::uint64_t *out, pbase_error *err) {
                return pbase_set_count_range(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return opened(&keys, pbase_set_cursor);
    }

    [[nodiscard]] result<set> united(const set &other) const
    {
        return combined(other, pbase_set_union);
    }
    [[nodiscard]] result<set> intersection(const set &other) const
    {
        return combined(other, pbase_set_intersection);
    }
    [[nodiscard]] result<set> difference(const set &other) const
    {
        return combined(other, pbase_set_difference);
    }
    [[nodiscard]] result<set> symmetric_difference(const set &other) const
    {
        return combined(other, pbase_set_symmetric_difference);
    }
    [[nodiscard]] result<bool> is_subset_of(const set &other) const
    {
        return compared(other, pbase_set_is_subset);
    }
    [[nodiscard]] result<bool> is_disjoint_from(const set &other) const
    {
        return compared(other, pbase_set_is_disjoint);
    }
};

// Elements with how often they are there.
class counted_set : public detail::algebra<counted_set, pbase_counted_set>
{
  public:
    using algebra::algebra;
    [[nodiscard]] result<std::uint64_t> get(const value &element) const
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_counted_set_get(raw(), &element.raw(), out, err);
        });
    }
    result<void> add(const value &element, std::uint64_t times = 1)
    {
        return edited(element, [&](pbase_counted_set **self, pbase_error *err) {
            return pbase_counted_set_add(self, &element.raw(), times, nullptr, err);
        });
    }
    // Each once more, all or none.
    template <class Range> result<void> add_all(const Range &elements)
    {
        detail::many all(elements);
        return edited([&](pbase_counted_set **self, pbase_error *err) {
            return pbase_counted_set_add_all(self, all.data(), all.size(), err);
        });
    }
    result<void> add_all(std::initializer_list<value> elements)
    {
        return add_all<std::initializer_list<value>>(elements);
    }
    // How many were taken: as many as asked for, or as there are (PBASE_COUNT_ALL).
    result<std::uint64_t> remove(const value &element, std::uint64_t times = 1)
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_counted_set_remove(raw_.slot(), &element.raw(), times, out, err);
        });
    }
    // Occurrences of all elements; different elements in a range.
    [[nodiscard]] result<std::uint64_t> total() const
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_counted_set_total(raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count_range(const range &keys) const
    {
        return detail::asked<std::uint64_t>(
            raw_, [&, raw = keys.raw()](std::uint64_t *out, pbase_error *err) {
                return pbase_counted_set_count_range(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return opened(&keys, pbase_counted_set_cursor);
    }

    // As often as in the one that has more of it.
    [[nodiscard]] result<counted_set> united(const counted_set &other) const
    {
        return combined(other, pbase_counted_set_union);
    }
    [[nodiscard]] result<counted_set> intersection(const counted_set &other) const
    {
        return combined(other, pbase_counted_set_intersection);
    }
    [[nodiscard]] result<counted_set> difference(const counted_set &other) const
    {
        return combined(other, pbase_counted_set_difference);
    }
    [[nodiscard]] result<counted_set> symmetric_difference(const counted_set &other) const
    {
        return combined(other, pbase_counted_set_symmetric_difference);
    }
    // As often as in both together.
    [[nodiscard]] result<counted_set> sum(const counted_set &other) const
    {
        return combined(other, pbase_counted_set_sum);
    }
    [[nodiscard]] result<bool> is_subset_of(const counted_set &other) const
    {
        return compared(other, pbase_counted_set_is_subset);
    }
    [[nodiscard]] result<bool> is_disjoint_from(const counted_set &other) const
    {
        return compared(other, pbase_counted_set_is_disjoint);
    }
};

} // namespace protobase
#endif
