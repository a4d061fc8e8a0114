/**
 * Acting: does to one job or to many what a reader asked for, with a question where it cannot be taken back, and a way
 * back where it can.
 */

import { confirmed } from "./dialogs.js";
import { actionsFor, isHeld, mayRemoveFiles, titleOf, undoing } from "./looks.js";
import { refusalOf } from "./refusals.js";

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {import("./looks.js").Action} Action
 * @typedef {{priority?: Job["priority"], files?: boolean}} Extra
 */

/** Those who ask for an action, and those who are told. */
export class Acting {
  /**
   * @param {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts,
   *   notices: import("./notices.js").Notices, root: Node}} context
   */
  constructor({ queue, texts, notices, root }) {
    this.#queue = queue;
    this.#texts = texts;
    this.#notices = notices;
    this.#root = root;
  }

  #queue;
  #texts;
  #notices;
  #root;

  /**
   * Do it to those that can have it done.
   * @param {readonly Job[]} jobs
   * @param {Action} action
   * @param {Extra} [extra]
   */
  async act(jobs, action, extra = {}) {
    const able = jobs.filter((job) => actionsFor(job).includes(action));
    if (!able.length) return;
    if (action === "remove") return this.#remove(able);
    const done = await this.#do(able, action, extra);
    const back = undoing(action);
    if (!done.length) return;
    const words = this.#texts.say(`undone.${action}`, { count: done.length, title: titleOf(done[0], this.#texts) });
    this.#notices.show(words, back ? { undo: () => this.#undo(done, back) } : {});
  }

  /** Clear a history. @param {Record<string, string>} which status, and outcome where one of them stays */
  async clear({ status, outcome }) {
    const { title, yes, no } = this.#words("clear");
    if (!(await confirmed(this.#root, { title, text: this.#texts.say("confirm.clear"), yes, no })).agreed) return;
    try {
      await this.#queue.clear(status, { outcome });
    } catch (error) {
      this.#notices.show(refusalOf(/** @type {Error} */ (error), this.#texts), { trouble: true });
    }
  }

  /** @param {Job[]} jobs @param {Action} action @param {Extra} extra @returns {Promise<Job[]>} those that it was done to */
  async #do(jobs, action, extra) {
    const results = await this.#queue.actOnMany(jobs.map((job) => job.id), action, extra);
    const refused = results.flatMap(({ error }) => error ?? []);
    if (refused.length) {
      const error = refusalOf(refused[0], this.#texts);
      this.#notices.show(this.#texts.say("refused.many", { count: refused.length, error }), { trouble: true });
    }
    this.#tellKept(results.map(({ answer }) => answer));
    return jobs.filter((_, place) => results[place].error === null);
  }

  /** Say which files stayed though they were to go. @param {any[]} answers */
  #tellKept(answers) {
    const kept = answers.filter((answer) => answer?.keptCount);
    if (!kept.length) return;
    const count = kept.reduce((sum, answer) => sum + answer.keptCount, 0);
    const { path, reason } = kept[0].keptFiles[0];
    this.#notices.show(this.#texts.say("removed.kept", { count, path, reason }), { trouble: true });
  }

  /** @param {Job[]} jobs as they were before @param {Action} action */
  async #undo(jobs, action) {
    if (action === "prioritize") return Promise.all(jobs.map((job) => this.#do([job], action, { priority: job.priority })));
    const done = await this.#do(jobs, action, {});
    const held = action === "retry" ? done.filter(isHeld) : [];
    if (held.length) await this.#do(held, "pause", {});
  }

  /** Ask, and remove them: from the list, or their music as well. @param {Job[]} jobs */
  async #remove(jobs) {
    const { title, yes, no } = this.#words("remove");
    const brought = jobs.some((job) => job.files.length > 0);
    const also = brought && mayRemoveFiles(this.#queue.state) ? this.#texts.say("confirm.remove.files") : "";
    const stays = also ? "" : ` ${this.#texts.say("confirm.remove.stays")}`;
    const text = this.#texts.say("confirm.remove", { count: jobs.length }) + stays;
    const answer = await confirmed(this.#root, { title, text, yes, no, also });
    if (answer.agreed) await this.#do(jobs, "remove", answer.also ? { files: true } : {});
  }

  /** @param {"remove" | "clear"} what */
  #words(what) {
    const say = this.#texts.say.bind(this.#texts);
    return { title: say(`confirm.${what}.title`), yes: say(`action.${what}`), no: say("confirm.keep") };
  }
}
