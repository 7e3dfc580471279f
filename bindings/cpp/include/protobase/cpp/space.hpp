// space.hpp - opening a space, its databases, reading in snapshots, writing in transactions.
//
//     auto space = protobase::space::open(protobase::config::folder("data")).value();
//     auto main = space.ensure("main").value();
//     main.run([](protobase::txn &txn) -> protobase::result<void> {
//         auto people = txn.ensure_dict("people");
//         if (!people) return people.failure();
//         ...
//         return txn.store("people", people.value());
//     }).value();
//
// What came from an object keeps it alive: a space is closed when the last database, snapshot,
// transaction and handle of it has gone. A transaction that is committed or aborted ends the handles
// that came from it; they are refused (INVALID) from then on. Threads: as the C headers say.
#ifndef PROTOBASE_CPP_SPACE_HPP
#define PROTOBASE_CPP_SPACE_HPP
#include <protobase/cpp/collection.hpp>

#include <functional>

namespace protobase
{

// Where a configuration comes from, and what is added to it.
struct config {
    std::string file_name, text, data; // one of these,
    bool memory = false;               // or this
    std::vector<std::string> sets, plugin_dirs;

    static config file(std::string name)
    {
        return with(&config::file_name, std::move(name));
    }
    static config yaml(std::string text)
    {
        return with(&config::text, std::move(text));
    }
    static config folder(std::string path)
    {
        return with(&config::data, std::move(path));
    }
    static config in_memory()
    {
        config out;
        out.memory = true;
        return out;
    }

  private:
    static config with(std::string config::*where, std::string what)
    {
        config out;
        out.*where = std::move(what);
        return out;
    }
};

class snapshot
{
  public:
    snapshot(std::shared_ptr<detail::node> from, pbase_snapshot *raw) : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] std::uint64_t sequence() const
    {
        return pbase_snapshot_sequence(raw_.get());
    }
    [[nodiscard]] result<protobase::dict> dict(const char *name) const
    {
        return detail::made<protobase::dict, pbase_dict>(
            raw_, [&](pbase_dict **out, pbase_error *err) {
                return pbase_snapshot_dict(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::list> list(const char *name) const
    {
        return detail::made<protobase::list, pbase_list>(
            raw_, [&](pbase_list **out, pbase_error *err) {
                return pbase_snapshot_list(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::set> set(const char *name) const
    {
        return detail::made<protobase::set, pbase_set>(
            raw_, [&](pbase_set **out, pbase_error *err) {
                return pbase_snapshot_set(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::hash_dict> hash_dict(const char *name) const
    {
        return detail::made<protobase::hash_dict, pbase_hash_dict>(
            raw_, [&](pbase_hash_dict **out, pbase_error *err) {
                return pbase_snapshot_hash_dict(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::multi_dict> multi_dict(const char *name) const
    {
        return detail::made<protobase::multi_dict, pbase_multi_dict>(
            raw_, [&](pbase_multi_dict **out, pbase_error *err) {
                return pbase_snapshot_multi_dict(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::counted_set> counted_set(const char *name) const
    {
        return detail::made<protobase::counted_set, pbase_counted_set>(
            raw_, [&](pbase_counted_set **out, pbase_error *err) {
                return pbase_snapshot_counted_set(raw_.get(), name, out, err);
            });
    }
    [[nodiscard]] result<protobase::value> value(const char *name) const
    {
        detail::decoded memory;
        if (raw_.get() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_snapshot_value(raw_.get(), name, arena, out, err);
        });
    }
    [[nodiscard]] pbase_snapshot *raw() const
    {
        return raw_.get();
    }

  private:
    friend class query;
    detail::handle<pbase_snapshot, pbase_snapshot_close> raw_;
};

struct txn_options {
    bool snapshot_isolation = false; // serializable otherwise
    bool read_only = false;
    int durability = PBASE_DURABILITY_DEFAULT; // PBASE_DURABILITY_*
    [[nodiscard]] pbase_txn_options raw() const
    {
        pbase_txn_options out = pbase_txn_options_default();
        out.isolation = snapshot_isolation ? PBASE_SNAPSHOT_ISOLATION : PBASE_SERIALIZABLE;
        out.read_only = read_only;
        out.durability = durability;
        return out;
    }
};

// A transaction; one that goes without a commit is aborted.
class txn
{
  public:
    txn(std::shared_ptr<detail::node> from, pbase_txn *raw)
        : state_(std::make_shared<state>(std::move(from), raw, false))
    {
    }
    [[nodiscard]] result<protobase::dict> dict(const char *name)
    {
        return opened<protobase::dict, pbase_dict>(name, pbase_txn_dict);
    }
    [[nodiscard]] result<protobase::list> list(const char *name)
    {
        return opened<protobase::list, pbase_list>(name, pbase_txn_list);
    }
    [[nodiscard]] result<protobase::set> set(const char *name)
    {
        return opened<protobase::set, pbase_set>(name, pbase_txn_set);
    }
    [[nodiscard]] result<protobase::hash_dict> hash_dict(const char *name)
    {
        return opened<protobase::hash_dict, pbase_hash_dict>(name, pbase_txn_hash_dict);
    }
    [[nodiscard]] result<protobase::multi_dict> multi_dict(const char *name)
    {
        return opened<protobase::multi_dict, pbase_multi_dict>(name, pbase_txn_multi_dict);
    }
    [[nodiscard]] result<protobase::counted_set> counted_set(const char *name)
    {
        return opened<protobase::counted_set, pbase_counted_set>(name, pbase_txn_counted_set);
    }
    // New and empty, until they are stored.
    [[nodiscard]] result<protobase::dict> new_dict()
    {
        return created<protobase::dict, pbase_dict>(pbase_txn_new_dict);
    }
    [[nodiscard]] result<protobase::list> new_list()
    {
        return created<protobase::list, pbase_list>(pbase_txn_new_list);
    }
    [[nodiscard]] result<protobase::set> new_set()
    {
        return created<protobase::set, pbase_set>(pbase_txn_new_set);
    }
    [[nodiscard]] result<protobase::hash_dict> new_hash_dict()
    {
        return created<protobase::hash_dict, pbase_hash_dict>(pbase_txn_new_hash_dict);
    }
    [[nodiscard]] result<protobase::multi_dict> new_multi_dict()
    {
        return created<protobase::multi_dict, pbase_multi_dict>(pbase_txn_new_multi_dict);
    }
    [[nodiscard]] result<protobase::counted_set> new_counted_set()
    {
        return created<protobase::counted_set, pbase_counted_set>(pbase_txn_new_counted_set);
    }
    // The root's, or a new one when there is no such root.
    [[nodiscard]] result<protobase::dict> ensure_dict(const char *name)
    {
        auto found = dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_dict();
    }
    [[nodiscard]] result<protobase::list> ensure_list(const char *name)
    {
        auto found = list(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_list();
    }
    [[nodiscard]] result<protobase::set> ensure_set(const char *name)
    {
        auto found = set(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_set();
    }
    [[nodiscard]] result<protobase::hash_dict> ensure_hash_dict(const char *name)
    {
        auto found = hash_dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_hash_dict();
    }
    [[nodiscard]] result<protobase::multi_dict> ensure_multi_dict(const char *name)
    {
        auto found = multi_dict(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_multi_dict();
    }
    [[nodiscard]] result<protobase::counted_set> ensure_counted_set(const char *name)
    {
        auto found = counted_set(name);
        return found || !found.failure().is_not_found() ? std::move(found) : new_counted_set();
    }
    [[nodiscard]] result<protobase::value> value(const char *name)
    {
        detail::decoded memory;
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_txn_value(raw(), name, arena, out, err);
        });
    }

    result<void> store(const char *name, const protobase::dict &what)
    {
        return stored(name, what.raw(), pbase_txn_store_dict);
    }
    result<void> store(const char *name, const protobase::list &what)
    {
        return stored(name, what.raw(), pbase_txn_store_list);
    }
    result<void> store(const char *name, const protobase::set &what)
    {
        return stored(name, what.raw(), pbase_txn_store_set);
    }
    result<void> store(const char *name, const protobase::hash_dict &what)
    {
        return stored(name, what.raw(), pbase_txn_store_hash_dict);
    }
    result<void> store(const char *name, const protobase::multi_dict &what)
    {
        return stored(name, what.raw(), pbase_txn_store_multi_dict);
    }
    result<void> store(const char *name, const protobase::counted_set &what)
    {
        return stored(name, what.raw(), pbase_txn_store_counted_set);
    }
    result<void> store(const char *name, const protobase::value &what)
    {
        return stored(name, &what.raw(), pbase_txn_store_value);
    }
    result<void> drop(const char *name)
    {
        return detail::checked(
            [&](pbase_error *err) { return pbase_txn_drop_root(raw(), name, err); });
    }

    // A transaction inside this one: its commit adds to what this one has staged.
    [[nodiscard]] result<txn> nested()
    {
        return made<txn, pbase_txn>([&](pbase_txn **out, pbase_error *err) {
            return pbase_txn_begin_nested(raw(), nullptr, out, err);
        });
    }
    // Ends it, whatever comes of it, and the handles that came from it; the sequence of its record.
    result<std::uint64_t> commit()
    {
        if (state_->lent) {
            return error(PBASE_INVALID, "run() commits this transaction; return from its body");
        }
        for (detail::node *one = state_->first(); one != nullptr; one = one->next()) {
            if (one->is_txn()) {
                return error(PBASE_INVALID, "a nested transaction is open in this one");
            }
        }
        state_->end_below();
        std::uint64_t sequence = 0;
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_txn_commit(&state_->raw, nullptr, &sequence, err);
        });
        state_->end();
        if (!done) {
            return done.failure();
        }
        return sequence;
    }
    void abort()
    {
        if (!state_->lent) { // run() ends its own: return a failure from the body
            state_->end();
        }
    }
    [[nodiscard]] pbase_txn *raw() const
    {
        return state_ ? state_->raw : nullptr;
    }

  private:
    friend class database;
    friend class query;
    struct state final : detail::node {
        state(std::shared_ptr<detail::node> from, pbase_txn *txn, bool is_lent)
            : node(std::move(from), true), raw(txn), lent(is_lent)
        {
        }
        ~state() override
        {
            leave();
            finish();
        }
        [[nodiscard]] bool is_txn() const override
        {
            return true;
        }
        void finish() override
        {
            if (!lent) {
                pbase_txn_abort(&raw); // nothing after a commit
            }
            raw = nullptr;
        }
        pbase_txn *raw;
        bool lent; // of pbase_txn_run, which ends it
    };
    explicit txn(std::shared_ptr<state> lent) : state_(std::move(lent))
    {
    }

    template <class Object, class T, class Call> result<Object> made(Call &&call)
    {
        T *out = nullptr;
        auto done = detail::checked([&](pbase_error *err) { return call(&out, err); });
        if (!done) {
            return done.failure();
        }
        return Object(state_, out);
    }
    template <class Object, class T>
    result<Object> opened(const char *name,
                          pbase_status (*open)(pbase_txn *, const char *, T **, pbase_error *))
    {
        return made<Object, T>(
            [&](T **out, pbase_error *err) { return open(raw(), name, out, err); });
    }
    template <class Object, class T>
    result<Object> created(pbase_status (*create)(pbase_txn *, T **, pbase_error *))
    {
        return made<Object, T>([&](T **out, pbase_error *err) { return create(raw(), out, err); });
    }
    template <class T>
    result<void> stored(const char *name, const T *what,
                        pbase_status (*put)(pbase_txn *, const char *, const T *, pbase_error *))
    {
        if (what == nullptr) {
            return detail::gone();
        }
        return detail::checked([&](pbase_error *err) { return put(raw(), name, what, err); });
    }
    std::shared_ptr<state> state_;
};

class database
{
  public:
    database(std::shared_ptr<detail::node> from, pbase_database *raw) : raw_(std::move(from), raw)
    {
    }
    [[nodiscard]] std::string_view name() const
    {
        return pbase_database_name(raw_.get());
    }
    [[nodiscard]] result<protobase::snapshot> snapshot() const
    {
        return detail::made<protobase::snapshot, pbase_snapshot>(
            raw_, [&](pbase_snapshot **out, pbase_error *err) {
                return pbase_snapshot_open(raw_.get(), out, err);
            });
    }
    [[nodiscard]] result<txn> begin(const txn_options &options = {}) const
    {
        return detail::made<txn, pbase_txn>(
            raw_, [&, raw = options.raw()](pbase_txn **out, pbase_error *err) {
                return pbase_txn_begin(raw_.get(), &raw, out, err);
            });
    }
    // Runs `body` (txn & -> result<void>) in a transaction and commits; begins anew on a conflict. A
    // failure it returns, and an exception it throws, abort and come out here.
    template <class Body> result<void> run(Body &&body, const txn_options &options = {}) const
    {
        runner<Body> state{&body, raw_.below()};
        pbase_txn_options raw = options.raw();
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_txn_run(raw_.get(), &raw, nullptr, runner<Body>::call, &state, err);
        });
#if PROTOBASE_EXCEPTIONS
        if (state.thrown) {
            std::rethrow_exception(state.thrown);
        }
#endif
        return done;
    }
    [[nodiscard]] pbase_database *raw() const
    {
        return raw_.get();
    }

  private:
    template <class Body> struct runner {
        std::remove_reference_t<Body> *body;
        std::shared_ptr<detail::node> from;
#if PROTOBASE_EXCEPTIONS
        std::exception_ptr thrown = nullptr;
#endif
        static pbase_status call(pbase_txn *raw, void *state, pbase_error *err)
        {
            auto *self = static_cast<runner *>(state);
            auto lent = std::make_shared<txn::state>(self->from, raw, true);
            txn inside(lent);
#if PROTOBASE_EXCEPTIONS
            pbase_status status;
            try { // no exception crosses the C library
                status = self->once(inside, err);
            } catch (...) {
                self->thrown = std::current_exception();
                status = PBASE_FAIL(err, PBASE_CANCELLED, "the body of a transaction threw");
            }
#else
            pbase_status status = self->once(inside, err);
#endif
            lent->end(); // handles that the body left somewhere
            return status;
        }
        pbase_status once(txn &inside, pbase_error *err)
        {
            result<void> done = (*body)(inside);
            if (done) {
                return PBASE_OK;
            }
            if (err != nullptr) {
                *err = *done.failure().raw();
            }
            return done.failure().code();
        }
    };
    detail::handle<pbase_database, pbase_database_close> raw_;
};

class space
{
  public:
    explicit space(pbase_space *raw) : raw_(nullptr, raw)
    {
    }
    [[nodiscard]] static result<space> open(const config &from, bool must_exist = false)
    {
        std::vector<const char *> sets, dirs;
        for (const std::string &one : from.sets) {
            sets.push_back(one.c_str());
        }
        for (const std::string &one : from.plugin_dirs) {
            dirs.push_back(one.c_str());
        }
        pbase_config_source source{};
        pbase_space_options options{};
        source.struct_size = sizeof source;
        options.struct_size = sizeof options;
        source.memory = from.memory;
        source.file = chosen(from.file_name);
        source.text = chosen(from.text);
        source.data = chosen(from.data);
        source.sets = sets.data();
        source.set_count = sets.size();
        source.plugin_dirs = dirs.data();
        source.plugin_dir_count = dirs.size();
        options.must_exist = must_exist;
        pbase_space *raw = nullptr;
        auto done = detail::checked(
            [&](pbase_error *err) { return pbase_space_open(&source, &options, &raw, err); });
        if (!done) {
            return done.failure();
        }
        return space(raw);
    }
    [[nodiscard]] result<protobase::database> database(const char *name) const
    {
        return opened(name, pbase_database_open);
    }
    // Makes it when it is missing.
    [[nodiscard]] result<protobase::database> ensure(const char *name) const
    {
        return opened(name, pbase_database_ensure);
    }
    result<void> create(const char *name) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_create(raw_.get(), name, err); });
    }
    result<void> drop(const char *name) const
    {
        return detail::checked(
            raw_, [&](pbase_error *err) { return pbase_database_drop(raw_.get(), name, err); });
    }
    result<void> rename(const char *from, const char *to) const
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_database_rename(raw_.get(), from, to, err);
        });
    }
    result<void> branch(const char *from, const char *to) const
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_database_branch(raw_.get(), from, to, err);
        });
    }
    [[nodiscard]] result<std::vector<std::string>> databases() const
    {
        std::vector<std::string> names;
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_database_list(raw_.get(), take_name, &names, err);
        });
        if (!done) {
            return done.failure();
        }
        return names;
    }
    result<void> checkpoint() const
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_space_checkpoint(raw_.get(), nullptr, err);
        });
    }
    // What became of a commit that failed with an unknown outcome: true, it is there.
    [[nodiscard]] result<bool> outcome(pbase_token token) const
    {
        return detail::asked(raw_, [&](bool *out, pbase_error *err) {
            return pbase_space_outcome(raw_.get(), nullptr, token, out, err);
        });
    }
    [[nodiscard]] result<value> parse_json(std::string_view text) const
    {
        detail::decoded memory;
        if (raw_.get() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_json_parse(raw_.get(), detail::raw_text(text), arena, out, err);
        });
    }
    [[nodiscard]] result<std::string> format_json(const view &what) const
    {
        pbase_buffer buffer;
        pbase_buffer_init(&buffer, pbase_alloc_default());
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_json_format(raw_.get(), &what.raw(), &buffer, err);
        });
        std::string text(detail::text_of(pbase_buffer_view(&buffer)));
        pbase_buffer_fini(&buffer);
        if (!done) {
            return done.failure();
        }
        return text;
    }
    [[nodiscard]] pbase_space *raw() const
    {
        return raw_.get();
    }

  private:
    static const char *chosen(const std::string &text)
    {
        return text.empty() ? nullptr : text.c_str();
    }
    static pbase_status take_name(void *state, const char *name, pbase_error *err)
    {
#if PROTOBASE_EXCEPTIONS
        try {
            static_cast<std::vector<std::string> *>(state)->emplace_back(name);
        } catch (...) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a name");
        }
#else
        (void)err;
        static_cast<std::vector<std::string> *>(state)->emplace_back(name);
#endif
        return PBASE_OK;
    }
    result<protobase::database> opened(const char *name,
                                       pbase_status (*find)(pbase_space *, const char *,
                                                            pbase_database **, pbase_error *)) const
    {
        return detail::made<protobase::database, pbase_database>(
            raw_, [&](pbase_database **out, pbase_error *err) {
                return find(raw_.get(), name, out, err);
            });
    }
    detail::handle<pbase_space, pbase_space_close> raw_;
};

} // namespace protobase
#endif
