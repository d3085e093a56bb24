import type { Node } from '../nodes';

/**
 * What the kernel is to be shown of one change on the host. Paths are bytes below the mount's root, as the kernel has them
 * when everything told before has been shown.
 */
export type Plan =
  | { readonly kind: 'created'; readonly at: Spot; readonly node: Node; readonly size: bigint }
  /** The name stood for something the kernel knows, and stands for something else now. */
  | { readonly kind: 'replaced'; readonly at: Spot; readonly node: Node; readonly old: Node }
  | { readonly kind: 'deleted'; readonly at: Spot; readonly node: Node }
  | {
      readonly kind: 'renamed';
      readonly at: Spot;
      readonly to: Spot;
      readonly node: Node;
      readonly target: Node | undefined;
    }
  | { readonly kind: 'written'; readonly at: Spot; readonly node: Node }
  | { readonly kind: 'attributes'; readonly at: Spot; readonly node: Node };

/** A name in a directory. */
export interface Spot {
  readonly parent: Node;
  readonly key: string;
  /** Below the mount's root. */
  readonly path: Buffer;
}

/** The nodes that must be there until the plan was carried out. */
export function nodesOf(plan: Plan): readonly Node[] {
  if (plan.kind === 'replaced') return [plan.node, plan.old];
  if (plan.kind === 'renamed' && plan.target !== undefined) return [plan.node, plan.target];
  return [plan.node];
}

/** The directories that a plan is about. */
export function parentsOf(plan: Plan): readonly Node[] {
  return plan.kind === 'renamed' ? [plan.at.parent, plan.to.parent] : [plan.at.parent];
}
