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
    { path: '/groups', name: 'groups', component: () => import('./pages/GroupsPage.vue') },
    { path: '/hotspots', name: 'hotspots', component: () => import('./pages/HotspotsPage.vue') },
    { path: '/transfers', name: 'transfers', component: () => import('./pages/TransfersPage.vue') },
    { path: '/credit', name: 'credit', component: () => import('./pages/CreditPage.vue') },
    { path: '/draws', name: 'draws', component: () => import('./pages/DrawsPage.vue') },
    { path: '/devices/:id?', name: 'devices', component: () => import('./pages/DevicesPage.vue') },
    { path: '/notices', name: 'notices', component: () => import('./pages/NoticesPage.vue') },
    { path: '/registry/:noun?', name: 'registry', component: () => import('./pages/RegistryPage.vue') },
    { path: '/office', name: 'office', component: () => import('./pages/OfficePage.vue') },
    { path: '/webhooks', name: 'webhooks', component: () => import('./pages/WebhooksPage.vue') },
    { path: '/audit', name: 'audit', component: () => import('./pages/AuditPage.vue') },
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
