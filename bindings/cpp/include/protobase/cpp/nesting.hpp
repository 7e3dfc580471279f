// nesting.hpp - collections inside documents and inside one another, and collections of any kind.
//
// A collection converts to a value, alone or as part of one:
//     people.put("ann", value::map({{"name", "Ann"}, {"tags", tags}}));          // tags: a set
// and is opened again from its entry, or at the end of a path:
//     auto tags = people.child("ann").value().as<protobase::set>().value();
//     auto same = txn.at("people", {"ann", "tags"}).value().as<protobase::set>().value();
// A change of it alone: edit the handle, put it back where it was (txn.store_at, or put the value
// again). docs/nesting.md has the meaning, core's nesting.h each call.
//
// Ownership: as of every handle; the value of a collection keeps the version it was made of, and ends
// with the transaction or snapshot of the handle. Threads: as dict.h says of handles.
#ifndef PROTOBASE_CPP_NESTING_HPP
#define PROTOBASE_CPP_NESTING_HPP
#include <protobase/cpp/entries.hpp>

namespace protobase
{
namespace detail
{
// The C types of collections are one object under different names.
inline const pbase_collection *any(const pbase_collection *one)
{
    return one;
}
inline const pbase_collection *any(const pbase_dict *one)
{
    return pbase_dict_as_collection(one);
}
inline const pbase_collection *any(const pbase_hash_dict *one)
{
    return pbase_hash_dict_as_collection(one);
}
inline const pbase_collection *any(const pbase_multi_dict *one)
{
    return pbase_multi_dict_as_collection(one);
}
inline const pbase_collection *any(const pbase_list *one)
{
    return pbase_list_as_collection(one);
}
inline const pbase_collection *any(const pbase_set *one)
{
    return pbase_set_as_collection(one);
}
inline const pbase_collection *any(const pbase_counted_set *one)
{
    return pbase_counted_set_as_collection(one);
}

// NULL: it is of another kind.
template <class Raw> Raw *typed(pbase_collection *one)
{
    if constexpr (std::is_same_v<Raw, pbase_dict>) {
        return pbase_collection_dict(one);
    } else if constexpr (std::is_same_v<Raw, pbase_hash_dict>) {
        return pbase_collection_hash_dict(one);
    } else if constexpr (std::is_same_v<Raw, pbase_multi_dict>) {
        return pbase_collection_multi_dict(one);
    } else if constexpr (std::is_same_v<Raw, pbase_list>) {
        return pbase_collection_list(one);
    } else if constexpr (std::is_same_v<Raw, pbase_set>) {
        return pbase_collection_set(one);
    } else if constexpr (std::is_same_v<Raw, pbase_counted_set>) {
        return pbase_collection_counted_set(one);
    } else {
        static_assert(std::is_same_v<Raw, pbase_collection>, "not a collection");
        return one;
    }
}

template <class Raw> void close_collection(Raw *raw)
{
    pbase_collection_close(const_cast<pbase_collection *>(any(raw)));
}

// What all collections have: `Self` is the class, `Raw` its C type.
template <class Self, class Raw> class kind
{
  public:
    using raw_type = Raw;
    kind(std::shared_ptr<node> from, Raw *raw) : raw_(std::move(from), raw)
    {
    }
    // Entries; different ones where they count. Reads the whole, as far as conflicts are concerned.
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_collection_count(any(raw_.get()), out, err);
        });
    }
    // A second handle, which stays as it is when this one is edited.
    [[nodiscard]] result<Self> keep() const
    {
        pbase_collection *kept = nullptr;
        auto done = checked(raw_, [&](pbase_error *err) {
            return pbase_collection_keep(any(raw_.get()), &kept, err);
        });
        if (!done) {
            return done.failure();
        }
        return Self(raw_.parent(), typed<Raw>(kept));
    }
    // This version, to be put inside something. A handle that has ended gives a value that no put
    // takes; no memory is raised.
    operator value() const
    {
        if (raw_.get() == nullptr) {
            return value(std::make_shared<owned<Raw, close_collection<Raw>>>(nullptr, nullptr),
                         nullptr);
        }
        pbase_collection *kept = nullptr;
        checked([&](pbase_error *err) {
            return pbase_collection_keep(any(raw_.get()), &kept, err);
        }).value();
        handle<pbase_collection, pbase_collection_close> keeper(raw_.parent(), kept);
        return value(keeper.shared(), kept);
    }
    [[nodiscard]] Raw *raw() const
    {
        return raw_.get();
    }

  protected:
    // One edit that nothing comes back from: `call` gets the slot and a pbase_error *.
    template <class Call> result<void> edited(Call &&call)
    {
        return checked(raw_, [&](pbase_error *err) { return call(raw_.slot(), err); });
    }
    // The same with values that must be usable.
    template <class Call> result<void> edited(const value &what, Call &&call)
    {
        auto alive = what.usable();
        return alive ? edited(call) : alive;
    }
    [[nodiscard]] result<protobase::entries> opened(
        const range *keys, pbase_status (*open)(const Raw *, const pbase_range *, pbase_cursor **,
                                                pbase_error *)) const
    {
        pbase_range raw = keys == nullptr ? pbase_range{} : keys->raw();
        return made<protobase::entries, pbase_cursor>(
            raw_, [&](pbase_cursor **out, pbase_error *err) {
                return open(raw_.get(), keys == nullptr ? nullptr : &raw, out, err);
            });
    }
    // A new collection of this one's transaction or snapshot.
    template <class Object = Self, class Call>
    [[nodiscard]] result<Object> beside(Call &&call) const
    {
        typename Object::raw_type *made = nullptr;
        auto done = checked(raw_, [&](pbase_error *err) { return call(&made, err); });
        if (!done) {
            return done.failure();
        }
        return Object(raw_.parent(), made);
    }
    handle<Raw, close_collection<Raw>> raw_;
};

// Many values for one call, and the C values they stand for.
class many
{
  public:
    template <class Range> explicit many(const Range &items)
    {
        for (const auto &item : items) {
            held_.emplace_back(item);
        }
        for (const value &one : held_) {
            raw_.push_back(one.raw());
        }
    }
    [[nodiscard]] result<void> usable() const
    {
        for (const value &one : held_) {
            if (auto alive = one.usable(); !alive) {
                return alive;
            }
        }
        return {};
    }
    [[nodiscard]] const pbase_value *data() const
    {
        return raw_.data();
    }
    [[nodiscard]] std::size_t size() const
    {
        return raw_.size();
    }

  private:
    std::vector<value> held_;
    std::vector<pbase_value> raw_;
};

// The same of pairs.
class many_pairs
{
  public:
    template <class Range> explicit many_pairs(const Range &entries)
    {
        for (const auto &[key, held] : entries) {
            held_.emplace_back(value(key), value(held));
        }
        for (const auto &one : held_) {
            raw_.push_back({one.first.raw(), one.second.raw()});
        }
    }
    [[nodiscard]] result<void> usable() const
    {
        for (const auto &one : held_) {
            if (auto alive = one.second.usable(); !alive) {
                return alive;
            }
        }
        return {};
    }
    [[nodiscard]] const pbase_entry *data() const
    {
        return raw_.data();
    }
    [[nodiscard]] std::size_t size() const
    {
        return raw_.size();
    }

  private:
    std::vector<std::pair<value, value>> held_;
    std::vector<pbase_entry> raw_;
};
} // namespace detail

// A collection whose kind does not matter, or is not known yet.
class collection : public detail::kind<collection, pbase_collection>
{
  public:
    using kind::kind;
    // PBASE_COLLECTION_*; 0 of one that has ended.
    [[nodiscard]] int number() const
    {
        return raw() == nullptr ? 0 : pbase_collection_kind(raw());
    }
    // "dict", "list", ..., "rope" (the bytes of a blob).
    [[nodiscard]] std::string_view name() const
    {
        return pbase_collection_kind_name(number());
    }
    // Everything, ascending.
    [[nodiscard]] result<protobase::entries> entries() const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&](pbase_cursor **out, pbase_error *err) {
                return pbase_collection_cursor(raw(), out, err);
            });
    }
    // As dict, list and so on: INVALID when it is of another kind. A handle that stays gives a second
    // one; one that goes gives itself.
    template <class Object> [[nodiscard]] result<Object> as() const &
    {
        auto kept = keep();
        return kept ? std::move(kept).value().template as<Object>()
                    : result<Object>(kept.failure());
    }
    template <class Object> [[nodiscard]] result<Object> as() &&
    {
        if (raw() == nullptr) {
            return detail::gone();
        }
        if (detail::typed<typename Object::raw_type>(raw()) == nullptr) {
            error other;
            (void)PBASE_FAIL(other.raw(), PBASE_INVALID, "the collection is a %s",
                             pbase_collection_kind_name(number()));
            return other;
        }
        auto from = raw_.parent();
        return Object(std::move(from), detail::typed<typename Object::raw_type>(raw_.release()));
    }

  private:
    friend class blob;
};

inline result<collection> entries::child(std::uint64_t n)
{
    pbase_collection *raw = nullptr;
    auto done = detail::checked(
        cursor_, [&](pbase_error *err) { return pbase_cursor_child(cursor_.get(), n, &raw, err); });
    if (!done) {
        return done.failure();
    }
    return collection(cursor_.parent(), raw);
}

} // namespace protobase
#endif
