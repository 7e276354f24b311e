/** Pages by hash, so that any address survives a reload whatever serves the files. */
import { createRouter, createWebHashHistory } from 'vue-router'
import MonitorPage from './pages/MonitorPage.vue'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    {
      path: '/',
      component: MonitorPage,
      children: [{ path: 'alerts/:id(\\d+)', name: 'alert', component: () => import('./components/AlertDetail.vue') }],
    },
    { path: '/leads/:id(\\d+)?', name: 'leads', component: () => import('./pages/LeadsPage.vue') },
    { path: '/handover', name: 'handover', component: () => import('./pages/HandoverPage.vue') },
    { path: '/vehicles', name: 'vehicles', component: () => import('./pages/VehiclesPage.vue') },
    { path: '/outlets', name: 'outlets', component: () => import('./pages/OutletsPage.vue') },
    { path: '/kitchens', name: 'kitchens', component: () => import('./pages/KitchensPage.vue') },
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
