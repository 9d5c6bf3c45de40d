import { Link, Outlet } from "@tanstack/react-router";
import { ConnectionMark } from "./connection-mark";
import { KeyMenu } from "./key-menu";
import { Mark } from "./mark";
import classes from "./shell.module.css";
import { SchemeButton } from "./scheme-button";
import { useListEvents } from "./use-list-events";

/** The frame around every page; it also holds the one connection that keeps lists fresh. */
export function Shell() {
  useListEvents();
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        Skip to the page
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.brand}>
          <Mark />
          <span>Cloche</span>
        </Link>
        <nav className={classes.nav} aria-label="Pages">
          <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
            Playground
          </Link>
          <Link to="/evaluations" activeOptions={{ includeSearch: false }}>
            Evaluations
          </Link>
          <Link to="/queue">Queue</Link>
        </nav>
        <div className={classes.tools}>
          <ConnectionMark />
          <KeyMenu />
          <SchemeButton />
        </div>
      </header>
      <main id="main" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
