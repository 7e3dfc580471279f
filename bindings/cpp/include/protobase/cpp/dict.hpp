// dict.hpp - dictionaries: ordered, by hash, and with many records under a key.
//
// Editing functions change the handle's version; keep() makes a second handle that stays as it is. A
// version is stored by its transaction (txn::store, txn::store_at) or by being put into something.
//
// Ownership: a handle of a transaction ends with it and is refused (INVALID) from then on; one of a
// snapshot keeps the snapshot alive. Threads: as the C headers say (dict.h). Errors: of the C
// functions; a missing key is no error but nothing.
#ifndef PROTOBASE_CPP_DICT_HPP
#define PROTOBASE_CPP_DICT_HPP
#include <protobase/cpp/nesting.hpp>

namespace protobase
{

// Ordered by key; keys are scalars and lists of scalars.
class dict : public detail::kind<dict, pbase_dict>
{
  public:
    using kind::kind;
    // Nothing when there is no such key.
    [[nodiscard]] result<std::optional<value>> get(const value &key) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_dict_get(raw(), &key.raw(), arena, out, err);
        });
    }
    // The value as its codec wrote it; lent by `in`.
    [[nodiscard]] result<std::optional<bytes>> get_bytes(const value &key, reader &in) const
    {
        return detail::lent(raw_, in, [&](pbase_reader *to, pbase_bytes *out, pbase_error *err) {
            return pbase_dict_get_bytes(raw(), &key.raw(), to, out, err);
        });
    }
    // Many look-ups side by side: each where its key stands, all lent by `in`. Any range of what values
    // are made of.
    template <class Range>
    [[nodiscard]] result<std::vector<std::optional<bytes>>> get_many(const Range &keys,
                                                                     reader &in) const
    {
        detail::many all(keys);
        std::vector<pbase_bytes> found(all.size());
        pbase_reader *to = in.raw_for(raw_.shared());
        auto done = to == nullptr ? result<void>(detail::gone())
                                  : detail::checked(raw_, [&](pbase_error *err) {
                                        return pbase_dict_get_many(raw(), all.data(), all.size(),
                                                                   to, found.data(), err);
                                    });
        if (!done) {
            return done.failure();
        }
        std::vector<std::optional<bytes>> out;
        for (const pbase_bytes &one : found) {
            out.push_back(one.data == nullptr ? std::nullopt
                                              : std::optional<bytes>(bytes{one.data, one.size}));
        }
        return out;
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_dict_has(raw(), &key.raw(), out, err);
        });
    }
    result<void> put(const value &key, const value &held)
    {
        return edited(held, [&](pbase_dict **self, pbase_error *err) {
            return pbase_dict_put(self, &key.raw(), &held.raw(), nullptr, err);
        });
    }
    // The same, and true when the key is new: asking reads it, as far as conflicts are concerned.
    result<bool> insert_or_assign(const value &key, const value &held)
    {
        bool replaced = false;
        auto done = edited(held, [&](pbase_dict **self, pbase_error *err) {
            return pbase_dict_put(self, &key.raw(), &held.raw(), &replaced, err);
        });
        return done ? result<bool>(!replaced) : done.failure();
    }
    // Bytes that are stored as they are.
    result<void> put_bytes(const value &key, bytes held)
    {
        return edited([&](pbase_dict **self, pbase_error *err) {
            return pbase_dict_put_bytes(self, &key.raw(), pbase_bytes_of(held.data, held.size),
                                        nullptr, err);
        });
    }
    // Many entries, all or none: any range of pairs of what values are made of. Fast on an empty one.
    template <class Range> result<void> put_all(const Range &entries)
    {
        detail::many_pairs all(entries);
        auto alive = all.usable();
        return alive ? edited([&](pbase_dict **self, pbase_error *err) {
            return pbase_dict_put_all(self, all.data(), all.size(), err);
        })
                     : alive;
    }
    result<void> put_all(std::initializer_list<std::pair<value, value>> entries)
    {
        return put_all<std::initializer_list<std::pair<value, value>>>(entries);
    }
    // Puts every entry of `other`, whose values win.
    result<void> merge(const dict &other)
    {
        return other.raw() == nullptr ? detail::gone()
                                      : edited([&](pbase_dict **self, pbase_error *err) {
                                            return pbase_dict_merge(self, other.raw(), err);
                                        });
    }
    // True when it was there.
    result<bool> remove(const value &key)
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_dict_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count_range(const range &keys) const
    {
        return detail::asked<std::uint64_t>(
            raw_, [&, raw = keys.raw()](std::uint64_t *out, pbase_error *err) {
                return pbase_dict_count_range(raw_.get(), &raw, out, err);
            });
    }
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return opened(&keys, pbase_dict_cursor);
    }
    // The n-th collection in the value of an entry; the value itself, when it is one, is child 0.
    [[nodiscard]] result<collection> child(const value &key, std::uint64_t n = 0) const
    {
        return beside<collection>([&](pbase_collection **out, pbase_error *err) {
            return pbase_dict_child(raw(), &key.raw(), n, out, err);
        });
    }
};

// Any value as a key: maps, vectors, lists of anything. In no order that means something.
class hash_dict : public detail::kind<hash_dict, pbase_hash_dict>
{
  public:
    using kind::kind;
    [[nodiscard]] result<std::optional<value>> get(const value &key) const
    {
        return detail::found(raw_, [&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_hash_dict_get(raw(), &key.raw(), arena, out, err);
        });
    }
    [[nodiscard]] result<std::optional<bytes>> get_bytes(const value &key, reader &in) const
    {
        return detail::lent(raw_, in, [&](pbase_reader *to, pbase_bytes *out, pbase_error *err) {
            return pbase_hash_dict_get_bytes(raw(), &key.raw(), to, out, err);
        });
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_hash_dict_has(raw(), &key.raw(), out, err);
        });
    }
    result<void> put(const value &key, const value &held)
    {
        return edited(held, [&](pbase_hash_dict **self, pbase_error *err) {
            return pbase_hash_dict_put(self, &key.raw(), &held.raw(), nullptr, err);
        });
    }
    result<bool> insert_or_assign(const value &key, const value &held)
    {
        bool replaced = false;
        auto done = edited(held, [&](pbase_hash_dict **self, pbase_error *err) {
            return pbase_hash_dict_put(self, &key.raw(), &held.raw(), &replaced, err);
        });
        return done ? result<bool>(!replaced) : done.failure();
    }
    result<void> put_bytes(const value &key, bytes held)
    {
        return edited([&](pbase_hash_dict **self, pbase_error *err) {
            return pbase_hash_dict_put_bytes(self, &key.raw(), pbase_bytes_of(held.data, held.size),
                                             nullptr, err);
        });
    }
    template <class Range> result<void> put_all(const Range &entries)
    {
        detail::many_pairs all(entries);
        auto alive = all.usable();
        return alive ? edited([&](pbase_hash_dict **self, pbase_error *err) {
            return pbase_hash_dict_put_all(self, all.data(), all.size(), err);
        })
                     : alive;
    }
    result<void> put_all(std::initializer_list<std::pair<value, value>> entries)
    {
        return put_all<std::initializer_list<std::pair<value, value>>>(entries);
    }
    // Puts every entry of `other`, whose values win.
    result<void> merge(const hash_dict &other)
    {
        return other.raw() == nullptr ? detail::gone()
                                      : edited([&](pbase_hash_dict **self, pbase_error *err) {
                                            return pbase_hash_dict_merge(self, other.raw(), err);
                                        });
    }
    result<bool> remove(const value &key)
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_hash_dict_remove(raw_.slot(), &key.raw(), out, err);
        });
    }
    [[nodiscard]] result<protobase::entries> entries() const
    {
        return detail::made<protobase::entries, pbase_cursor>(
            raw_, [&](pbase_cursor **out, pbase_error *err) {
                return pbase_hash_dict_cursor(raw(), out, err);
            });
    }
    [[nodiscard]] result<collection> child(const value &key, std::uint64_t n = 0) const
    {
        return beside<collection>([&](pbase_collection **out, pbase_error *err) {
            return pbase_hash_dict_child(raw(), &key.raw(), n, out, err);
        });
    }
};

// Keys with bags of records: each record of a key counts how often it is there.
class multi_dict : public detail::kind<multi_dict, pbase_multi_dict>
{
  public:
    using kind::kind;
    // How often the record is there under the key.
    [[nodiscard]] result<std::uint64_t> get(const value &key, const value &record) const
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_multi_dict_get(raw(), &key.raw(), &record.raw(), out, err);
        });
    }
    [[nodiscard]] result<bool> has(const value &key) const
    {
        return detail::asked<bool>(raw_, [&](bool *out, pbase_error *err) {
            return pbase_multi_dict_has(raw(), &key.raw(), out, err);
        });
    }
    result<void> add(const value &key, const value &record, std::uint64_t times = 1)
    {
        return edited(record, [&](pbase_multi_dict **self, pbase_error *err) {
            return pbase_multi_dict_add(self, &key.raw(), &record.raw(), times, nullptr, err);
        });
    }
    // Many pairs of a key and a record, once more each; all or none.
    template <class Range> result<void> add_all(const Range &entries)
    {
        detail::many_pairs all(entries);
        auto alive = all.usable();
        return alive ? edited([&](pbase_multi_dict **self, pbase_error *err) {
            return pbase_multi_dict_add_all(self, all.data(), all.size(), err);
        })
                     : alive;
    }
    result<void> add_all(std::initializer_list<std::pair<value, value>> entries)
    {
        return add_all<std::initializer_list<std::pair<value, value>>>(entries);
    }
    // How many were taken: as many as asked for, or as there are.
    result<std::uint64_t> remove(const value &key, const value &record, std::uint64_t times = 1)
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_multi_dict_remove(raw_.slot(), &key.raw(), &record.raw(), times, out, err);
        });
    }
    // A key with all its records; how many occurrences went.
    result<std::uint64_t> remove(const value &key)
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_multi_dict_remove_key(raw_.slot(), &key.raw(), out, err);
        });
    }
    // Occurrences of all records; keys; and different records in a range of keys.
    [[nodiscard]] result<std::uint64_t> total() const
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_multi_dict_total(raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count_keys() const
    {
        return detail::asked<std::uint64_t>(raw_, [&](std::uint64_t *out, pbase_error *err) {
            return pbase_multi_dict_count_keys(raw(), out, err);
        });
    }
    [[nodiscard]] result<std::uint64_t> count_range(const range &keys) const
    {
        return detail::asked<std::uint64_t>(
            raw_, [&, raw = keys.raw()](std::uint64_t *out, pbase_error *err) {
                return pbase_multi_dict_count_range(raw_.get(), &raw, out, err);
            });
    }
    // The different records of a range of keys, with how often each is there.
    [[nodiscard]] result<protobase::entries> entries(const range &keys = {}) const
    {
        return opened(&keys, pbase_multi_dict_cursor);
    }
};

} // namespace protobase
#endif
