import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from "@tanstack/react-router";
import { readFilters } from "@/features/evaluations/filters";
import { readPlaygroundSearch } from "@/features/playground/search";
import { DefectPage, NotFoundPage } from "./shell/lost-pages";
import { Shell } from "./shell/shell";

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const playgroundRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: readPlaygroundSearch,
  component: lazyRouteComponent(
    () => import("@/features/playground/components/playground-page"),
    "PlaygroundPage",
  ),
});

const listRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/evaluations",
  validateSearch: readFilters,
  component: lazyRouteComponent(
    () => import("@/features/evaluations/components/list-page"),
    "ListPage",
  ),
});

const detailRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/evaluations/$id",
  component: lazyRouteComponent(
    () => import("@/features/evaluations/components/detail-page"),
    "DetailPage",
  ),
});

const queueRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queue",
  component: lazyRouteComponent(
    () => import("@/features/queue/components/queue-page"),
    "QueuePage",
  ),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([playgroundRoute, listRoute, detailRoute, queueRoute]),
  // Every search value is a plain word: no quotes around what looks like a number.
  parseSearch: parseSearchWith((value) => value),
  stringifySearch: stringifySearchWith(String),
  defaultPreload: "intent",
  defaultErrorComponent: DefectPage,
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
