// collection.hpp - dictionaries of three kinds, lists, sets and counted sets, and going through them.
//
// Editing functions change the handle's version; keep() makes a second handle that stays as it is.
// A handle of a transaction ends with it; one of a snapshot keeps the snapshot alive.
// Threads: as the C headers say (dict.h).
#ifndef PROTOBASE_CPP_COLLECTION_HPP
#define PROTOBASE_CPP_COLLECTION_HPP
#include <protobase/cpp/value.hpp>

namespace protobase
{

// A range of keys and a direction: {} is everything, ascending.
struct range {
    std::optional<value> from, to;
    bool from_exclusive = false, to_exclusive = false, reverse = false;
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

// One entry of a collection; lent until the iterator moves.
struct entry {
    view key;  // of a list its index
    view held; // of a set the key again
};

// The entries of a collection, for a range-based for. An error ends the loop: with exceptions it is
// thrown, without them status() has it.
class entries
{
  public:
    entries(std::shared_ptr<detail::node> from, pbase_cursor *cursor)
        : cursor_(std::move(from), cursor)
    {
    }
    class iterator
    {
      public:
        explicit iterator(entries *owner) : owner_(owner)
        {
        }
        [[nodiscard]] const entry &operator*() const
        {
            return owner_->current_;
        }
        [[nodiscard]] const entry *operator->() const
        {
            return &owner_->current_;
        }
        iterator &operator++()
        {
            owner_ = owner_->advance() ? owner_ : nullptr;
            return *this;
        }
        friend bool operator==(const iterator &a, const iterator &b)
        {
            return a.owner_ == b.owner_;
        }
        friend bool operator!=(const iterator &a, const iterator &b)
        {
            return a.owner_ != b.owner_;
        }

      private:
        entries *owner_;
    };
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }
    [[nodiscard]] const result<void> &status() const
    {
        return status_;
    }

  private:
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
            current_ = {view(key), view(held)};
            return true;
        }
        if (status == PBASE_END) {
            return false;
        }
        cause.adopt(status);
        return stop(cause);
    }
    bool stop(const error &cause)
    {
        status_ = cause;
#if PROTOBASE_EXCEPTIONS
        raise(cause);
#else
        return false;
#endif
    }
    detail::handle<pbase_cursor, pbase_cursor_close> cursor_;
    entry current_;
    result<void> status_;
};

namespace detail
{
template <class T, void (*End)(T *)>
result<std::uint64_t> counted(const handle<T, End> &self,
                              pbase_status (*count)(const T *, std::uint64_t *, pbase_error *))
{
    std::uint64_t out = 0;
    auto done = checked(self, [&](pbase_error *err) { return count(self.get(), &out, err); });
    if (!done) {
        return done.failure();
    }
    return out;
}
template <class T, void (*End)(T *), class Call>
result<bool> asked(const handle<T, End> &self, Call &&call)
{
    bool out = false;
    auto done = checked(self, [&](pbase_error *err) { return call(&out, err); });
    if (!done) {
        return done.failure();
    }
    return out;
}
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
// A second handle of the same version: beside the first, below the same transaction.
template <class Object, class T, void (*End)(T *)>
result<Object> kept(const handle<T, End> &self, const std::shared_ptr<node> &from,
                    pbase_status (*keep)(const T *, T **, pbase_error *))
{
    T *raw = nullptr;
    auto done = checked(self, [&](pbase_error *err) { return keep(self.get(), &raw, err); });
    if (!done) {
        return done.failure();
    }
    return Object(from, raw);
}
} // namespace detail

class dict
{
  public:
    dict(std::shared_ptr<detail::node> from, pbase_dict *raw) : raw_(std::move(from), raw)
    {
    }
    // Nothing when there is no such key.
    [[nodiscard]] result<std::optional<value>> get(const value &key) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_dict_get(raw_.get(), &key.raw(), arena, out, err);
        });
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_dict_has(raw_.get(), &key.raw(), out, err);
        });
    }
    result<void> put(const value &key, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_dict_put(raw_.slot(), &key.raw(), &held.raw(), nullptr, err);
        });
    }
    // True when it was there.
    result<bool> remove(const value &key)
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_dict_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_dict_count);
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&, raw = keys.raw()](pbase_cursor **out, pbase_error *err) {
                return pbase_dict_cursor(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<dict> keep() const
    {
        return detail::kept<dict>(raw_, raw_.parent(), pbase_dict_keep);
    }
    [[nodiscard]] pbase_dict *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_dict, pbase_dict_close> raw_;
};

// Any value as a key: maps, vectors, lists of anything. In no order that means something.
class hash_dict
{
  public:
    hash_dict(std::shared_ptr<detail::node> from, pbase_hash_dict *raw) : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] result<std::optional<value>> get(const value &key) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_hash_dict_get(raw_.get(), &key.raw(), arena, out, err);
        });
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_hash_dict_has(raw_.get(), &key.raw(), out, err);
        });
    }
    result<void> put(const value &key, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_hash_dict_put(raw_.slot(), &key.raw(), &held.raw(), nullptr, err);
        });
    }
    result<bool> remove(const value &key)
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_hash_dict_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    // Puts every entry of `other`, whose values win.
    result<void> merge(const hash_dict &other)
    {
        if (other.raw() == nullptr) {
            return detail::gone();
        }
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_hash_dict_merge(raw_.slot(), other.raw(), err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_hash_dict_count);
    }
    [[nodiscard]] result<protobase::entries> entries() const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&](pbase_cursor **out, pbase_error *err) {
                return pbase_hash_dict_cursor(raw_.get(), out, err);
            });
    }
    [[nodiscard]] result<hash_dict> keep() const
    {
        return detail::kept<hash_dict>(raw_, raw_.parent(), pbase_hash_dict_keep);
    }
    [[nodiscard]] pbase_hash_dict *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_hash_dict, pbase_hash_dict_close> raw_;
};

// Keys with bags of records: each record of a key counts how often it is there.
class multi_dict
{
  public:
    multi_dict(std::shared_ptr<detail::node> from, pbase_multi_dict *raw)
        : raw_(std::move(from), raw)
    {
    }
    // How often the record is there under the key.
    [[nodiscard]] result<std::uint64_t> get(const value &key, const value &record) const
    {
        std::uint64_t out = 0;
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_multi_dict_get(raw_.get(), &key.raw(), &record.raw(), &out, err);
        });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_multi_dict_has(raw_.get(), &key.raw(), out, err);
        });
    }
    result<void> add(const value &key, const value &record, std::uint64_t times = 1)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_multi_dict_add(raw_.slot(), &key.raw(), &record.raw(), times, nullptr,
                                        err);
        });
    }
    result<void> remove(const value &key, const value &record, std::uint64_t times = 1)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_multi_dict_remove(raw_.slot(), &key.raw(), &record.raw(), times, nullptr,
                                           err);
        });
    }
    result<void> remove(const value &key)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_multi_dict_remove_key(raw_.slot(), &key.raw(), nullptr, err);
        });
    }
    // Different records, and occurrences of all of them.
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_multi_dict_count);
    }
    [[nodiscard]] result<std::uint64_t> total() const
    {
        return detail::counted(raw_, pbase_multi_dict_total);
    }
    // The different records of a range of keys.
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&, raw = keys.raw()](pbase_cursor **out, pbase_error *err) {
                return pbase_multi_dict_cursor(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<multi_dict> keep() const
    {
        return detail::kept<multi_dict>(raw_, raw_.parent(), pbase_multi_dict_keep);
    }
    [[nodiscard]] pbase_multi_dict *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_multi_dict, pbase_multi_dict_close> raw_;
};

class list
{
  public:
    list(std::shared_ptr<detail::node> from, pbase_list *raw) : raw_(std::move(from), raw)
    {
    }
    // Indexes below 0 count from the end. Nothing out of range.
    [[nodiscard]] result<std::optional<value>> get(std::int64_t index) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_list_get(raw_.get(), index, arena, out, err);
        });
    }
    result<void> append(const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_list_append(raw_.slot(), &held.raw(), err);
        });
    }
    result<void> set(std::int64_t index, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_list_set(raw_.slot(), index, &held.raw(), err);
        });
    }
    result<void> insert(std::int64_t index, const value &held)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_list_insert(raw_.slot(), index, &held.raw(), err);
        });
    }
    result<bool> remove(std::int64_t index)
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_list_remove(raw_.slot(), index, out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_list_count);
    }
    [[nodiscard]] result<protobase::entries> entries() const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&](pbase_cursor **out, pbase_error *err) {
                return pbase_list_cursor(raw_.get(), nullptr, out, err);
            });
    }
    [[nodiscard]] result<list> keep() const
    {
        return detail::kept<list>(raw_, raw_.parent(), pbase_list_keep);
    }
    [[nodiscard]] pbase_list *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_list, pbase_list_close> raw_;
};

class set
{
  public:
    set(std::shared_ptr<detail::node> from, pbase_set *raw) : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_has(raw_.get(), &key.raw(), out, err);
        });
    }
    // True when it was not there before.
    result<bool> add(const value &key)
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_add(raw_.slot(), &key.raw(), out, err);
        });
    }
    result<bool> remove(const value &key)
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_set_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_set_count);
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&, raw = keys.raw()](pbase_cursor **out, pbase_error *err) {
                return pbase_set_cursor(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<set> keep() const
    {
        return detail::kept<set>(raw_, raw_.parent(), pbase_set_keep);
    }
    [[nodiscard]] pbase_set *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_set, pbase_set_close> raw_;
};

class counted_set
{
  public:
    counted_set(std::shared_ptr<detail::node> from, pbase_counted_set *raw)
        : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] result<std::uint64_t> get(const value &element) const
    {
        std::uint64_t out = 0;
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_counted_set_get(raw_.get(), &element.raw(), &out, err);
        });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    result<void> add(const value &element, std::uint64_t times = 1)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_counted_set_add(raw_.slot(), &element.raw(), times, nullptr, err);
        });
    }
    result<void> remove(const value &element, std::uint64_t times = 1)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_counted_set_remove(raw_.slot(), &element.raw(), times, nullptr, err);
        });
    }
    // Different elements, and occurrences of all of them.
    [[nodiscard]] result<std::uint64_t> count() const
    {
        return detail::counted(raw_, pbase_counted_set_count);
    }
    [[nodiscard]] result<std::uint64_t> total() const
    {
        return detail::counted(raw_, pbase_counted_set_total);
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&, raw = keys.raw()](pbase_cursor **out, pbase_error *err) {
                return pbase_counted_set_cursor(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<counted_set> keep() const
    {
        return detail::kept<counted_set>(raw_, raw_.parent(), pbase_counted_set_keep);
    }
    [[nodiscard]] pbase_counted_set *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_counted_set, pbase_counted_set_close> raw_;
};

} // namespace protobase
#endif
